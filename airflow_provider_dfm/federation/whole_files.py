"""Files, in a folder or an object store, that are there whole or not at all.

Paths are ``pathlib.Path`` or of its kin, such as Airflow's ``ObjectStoragePath``.
"""

from __future__ import annotations

import contextlib
import io
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from airflow_provider_dfm.federation.storage import ReadFile, WrittenFile, reading, writing, written

# What is held in memory of a file that goes to an object store or comes from it. S3 takes 10,000 parts a file.
BLOCK_BYTES = 8 * 1024 * 1024


@contextlib.contextmanager
def whole_file(target: Any) -> Iterator[WrittenFile]:
    """Write a file; it is seen when it is whole, in place of what was there. An error leaves what was there.

    :param target: the file, in an existing folder.
    :raises StorageFailed: it cannot be written.
    """
    local = local_path(target)
    with _in_store(target) if local is None else _in_folder(local) as file:
        yield file


def opened(path: Any) -> IO[bytes]:
    """Open a file to read it line by line; to read it raises StorageFailed, too.

    :param path: the file.
    :raises FileNotFoundError: there is none.
    :raises StorageFailed: it cannot be read.
    """
    local = local_path(path)
    with reading(path):
        file = path.open("rb", block_size=BLOCK_BYTES) if local is None else local.open("rb", buffering=0)
    # fsspec's own lines copy a whole block for each: fsspec/spec.py, AbstractBufferedFile.readuntil
    return io.BufferedReader(ReadFile(file, path), buffer_size=1024 * 1024)


def local_path(path: Any) -> Path | None:
    """Where a path leads on this machine; None: to a store.

    :param path: a ``pathlib.Path`` or one of its kin.
    """
    if getattr(path, "protocol", "file") in ("", "file", "local"):
        return Path(getattr(path, "path", path))
    return None


@contextlib.contextmanager
def _in_folder(target: Path) -> Iterator[WrittenFile]:
    # Without the target's name, which may be as long as names can be.
    part = target.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with written(part, named=target) as file:
            yield file
            file.sync()
        with writing(target):
            part.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _in_store(target: Any) -> Iterator[WrittenFile]:
    # Without this option, leaving a file's with block makes an object of what was written, even after an error.
    with writing(target):
        file = target.open("wb", block_size=BLOCK_BYTES, autocommit=False)
    try:
        yield WrittenFile(file, target)
        with writing(target):
            file.close()
    except BaseException:
        with contextlib.suppress(Exception):
            # Otherwise its end as an object would close it, which fails once it is discarded.
            file.close()
            file.discard()
        raise
    with writing(target):
        file.commit()
