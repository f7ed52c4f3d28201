"""Processes as the kernel knows them. Linux only."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from demo.process_keeper import descendants

GONE_SECONDS = 20.0


class NotKilled(RuntimeError):
    """A process to kill was not there, or did not go."""


def parent_of(pid: int) -> int:
    """The id of a process's parent."""
    return int(_stat(pid)[1])


def below(pid: int, executable: Path) -> list[int]:
    """The processes below one that were started with an executable.

    :param executable: as it was named when they were started.
    """
    return [child for child in sorted(descendants(pid)) if _command(child) == str(executable)]


def kill(*pids: int) -> None:
    """Kill processes in this order with SIGKILL, and wait until they are gone.

    :raises NotKilled: one was gone before, or does not go.
    """
    if not pids:
        raise NotKilled("there is no such process")
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            raise NotKilled(f"process {pid} was gone before") from None
    deadline = time.monotonic() + GONE_SECONDS
    while any(_runs(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise NotKilled(f"of the processes {pids} one does not go")
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    try:
        return _stat(pid)[0] != "Z"
    except OSError:
        return False


def _stat(pid: int) -> list[str]:
    # The name before the last bracket may hold spaces and brackets itself.
    return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").partition("\0")[0]
    except OSError:
        return ""
