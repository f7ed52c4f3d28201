"""The bytes of values: in a result itself as text, or in a file of their own."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import UnreadableValue
from airflow_provider_dfm.federation.value_files import ValueFiles
from airflow_provider_dfm.federation.value_forms import members

CHUNK = 1 << 20


class Buffers:
    """Reads the bytes of one result's value.

    :param files: where the files of large values are; None: it has none.
    """

    def __init__(self, files: ValueFiles | None) -> None:
        self._files = files

    def read(self, buffer: Any) -> bytes | bytearray:
        """The bytes.

        :param buffer: what stands for them.
        :raises UnreadableValue: it is no buffer, or the bytes are not those that its checksum is of.
        """
        if isinstance(buffer, dict) and "file" in buffer:
            content = bytearray()
            for chunk in self._chunks(*_file(buffer)):
                content += chunk
            return content
        return decoded(*members(buffer, {"data": str}))

    def mapped(self, buffer: Any) -> Path | None:
        """The file that the bytes are in on this machine's disk, checked; None: they are elsewhere.

        :param buffer: what stands for them.
        :raises UnreadableValue: it is no buffer, or the bytes are not those that its checksum is of.
        """
        if not isinstance(buffer, dict) or "file" not in buffer:
            return None
        name, size, checksum = _file(buffer)
        path = self._of(name).path(name)
        # An empty file cannot be mapped.
        if path is None or not size:
            return None
        for _ in self._chunks(name, size, checksum):
            pass
        return path

    def size(self, buffer: Any) -> int:
        """How many bytes there are, as far as the buffer itself says.

        :param buffer: what stands for them.
        :raises UnreadableValue: it is no buffer.
        """
        if isinstance(buffer, dict) and "file" in buffer:
            return _file(buffer)[1]
        data: str = members(buffer, {"data": str})[0]
        return len(data) // 4 * 3 - data[-2:].count("=")

    def _chunks(self, name: str, size: int, checksum: str) -> Iterator[bytes]:
        """What is in a file, and an error in the end where it is not what it says."""
        found, count = hashlib.sha256(), 0
        with self._of(name).open(name) as file:
            # No more than what it says is ever held.
            while count <= size and (chunk := file.read(CHUNK)):
                found.update(chunk)
                count += len(chunk)
                yield chunk
        if count != size:
            there_are = "more" if count > size else count
            raise UnreadableValue(f"has a file {name!r:.80} of {size} bytes, where {there_are} are")
        if found.hexdigest() != checksum:
            raise UnreadableValue(f"has a file {name!r:.80} that is not what was written: its SHA-256 differs")

    def _of(self, name: str) -> ValueFiles:
        if self._files is None:
            raise UnreadableValue(f"speaks of a file {name!r:.80}, but has none")
        return self._files


def decoded(data: str) -> bytes:
    """The bytes that a base64 text stands for.

    :raises UnreadableValue: it is none.
    """
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise UnreadableValue("has bytes that are not base64") from None


def _file(buffer: dict[str, Any]) -> tuple[str, int, str]:
    name, size, checksum = members(buffer, {"file": str, "bytes": int, "sha256": str})
    if size < 0:
        raise UnreadableValue(f"has a file of {size} bytes")
    return name, size, checksum
