"""The private folder of a session: it holds the key, and goes with the session, however that ends.

The process that opens the session and its session host both hold a shared lock on a file in the folder as long as
they live. What two processes killed at once leave behind, the next session of the same user removes: a folder whose
lock can be taken alone is nobody's any more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from airflow_provider_dfm.federation.storage import writing
from airflow_provider_dfm.remote.session_host import LOCK, lock_folder, remove_folder

PREFIX = "airflow-provider-dfm-"

_held: set[int] = set()


class PrivateFolder:
    """A folder in the temporary directory that only this user can enter; removed at the end of a ``with``.

    Making one removes what dead sessions of this user left.

    :raises StorageFailed: it cannot be made: the disk is full, say.
    """

    def __init__(self) -> None:
        remove_abandoned()
        self._owner = os.getpid()
        self._lock: int | None = None
        while self._lock is None:
            with writing("a private folder in the temporary directory"):
                self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
                self._lock = _lock_new(self.path)
        _held.add(self._lock)

    def __enter__(self) -> PrivateFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the folder. Does nothing the second time, nor in a process forked from the one that made it."""
        if self._lock is None or self._owner != os.getpid():
            return
        lock, self._lock = self._lock, None
        with contextlib.suppress(OSError):
            remove_folder(str(self.path))
        _held.discard(lock)
        os.close(lock)


def remove_abandoned() -> None:
    """Remove the private folders of this user whose processes are all dead."""
    # Whatever is odd about one: a folder that cannot be removed must not keep a session from opening.
    with contextlib.suppress(OSError):
        temporary = tempfile.gettempdir()
        for name in os.listdir(temporary):
            if name.startswith(PREFIX):
                with contextlib.suppress(OSError):
                    _remove_if_abandoned(os.path.join(temporary, name))


def _remove_if_abandoned(path: str) -> None:
    with _opened(path, os.O_RDONLY | os.O_DIRECTORY) as folder:
        about = os.fstat(folder)
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) != 0o700:
            return
        # Not made here: a folder without the file may be somebody's work that happens to have such a name.
        with _opened(LOCK, os.O_RDWR, folder) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_lock_of(folder, lock):
                remove_folder(path, folder)


def _lock_new(path: Path) -> int | None:
    """Hold a folder that was just made; None when somebody who swept at that moment took it for abandoned."""
    try:
        lock = lock_folder(str(path))
    except (BlockingIOError, FileNotFoundError):
        return None
    with contextlib.suppress(FileNotFoundError), _opened(str(path), os.O_RDONLY | os.O_DIRECTORY) as folder:
        if _is_lock_of(folder, lock):
            return lock
    os.close(lock)
    return None


def _is_lock_of(folder: int, lock: int) -> bool:
    return os.path.samestat(os.fstat(lock), os.stat(LOCK, dir_fd=folder, follow_symlinks=False))


@contextlib.contextmanager
def _opened(path: str, flags: int, folder: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, flags | os.O_NOFOLLOW, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _let_go_after_fork() -> None:
    # A lock belongs to all processes that share its descriptor: a child that outlives its parent would keep it.
    while _held:
        os.close(_held.pop())


os.register_at_fork(after_in_child=_let_go_after_fork)
