"""The checksum of a file."""

from __future__ import annotations

import hashlib
from typing import IO

BLOCK_BYTES = 1024 * 1024


def sha256_of(file: IO[bytes]) -> str:
    """SHA-256 of what is left of a file, in hexadecimal.

    :param file: open for reading.
    """
    digest = hashlib.sha256()
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
