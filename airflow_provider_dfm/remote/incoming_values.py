"""Takes the large values of a job's site, piece by piece, and checks them. This module travels with each job.

Other people's sites send them. A value's file gets its name from its content, so that no site can write over what
another one sent, nor anywhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from .message_seal import BadMessage, message_number
from .value_store import LARGE_BYTES, PIECE_BYTES, GrowingValue, ValueStore


class IncomingValues:
    """The large values of one site, one after the other.

    :param site: the site.
    :param store: where they go.
    :param fail: is told of the server where it cannot write them, and why.
    """

    def __init__(self, site: str, store: ValueStore, fail: Callable[[str, str], None]) -> None:
        self._site = site
        self._store = store
        self._fail = fail
        self._lock = threading.Lock()
        self._taken = 0
        self._value: GrowingValue | None = None
        self._sizes: dict[str, int] = {}

    def take(self, parts: list[Any]) -> None:
        """Take a message with a piece of a value.

        :param parts: the message's number, which counts from 1; the value's SHA-256 where it is the last piece, and
            otherwise nothing; the piece, as bytes.
        :raises BadMessage: the site may not send that.
        :raises OSError: it cannot be written.
        """
        number = message_number(parts)
        # One at a time, whatever the site does.
        with self._lock:
            # One whose reply was lost comes again.
            if number <= self._taken:
                return
            if number != self._taken + 1:
                raise BadMessage(f"it sent piece {number} of its values after its piece {self._taken}")
            if len(parts) != 3:
                raise BadMessage("it sent a piece of a value that is none")
            try:
                self._take(parts[1], parts[2])
            except OSError as error:
                self._fail("server", f"a value of {self._site} could not be written: {error}")
                raise
            self._taken = number

    def _take(self, checksum: str, piece: bytes) -> None:
        if len(piece) > PIECE_BYTES or (not checksum and len(piece) < PIECE_BYTES):
            raise BadMessage(f"it sent a piece of {len(piece)} bytes of a value, and {PIECE_BYTES} make one")
        if self._value is None:
            self._value = self._store.begin()
        self._value.write(piece)
        if not checksum:
            return
        value, self._value = self._value, None
        if value.size < LARGE_BYTES or value.name != checksum:
            value.discard()
            if value.size < LARGE_BYTES:
                raise BadMessage(f"it sent a value of {value.size} bytes as a file")
            raise BadMessage("it sent a value with another checksum than its own")
        value.end()
        self._sizes[value.name] = value.size

    def claim(self, name: str, size: Any) -> bool:
        """Note that a result of the site's names a file; says whether the site has sent that, of this size.

        :param name: the file's, as the site gives it.
        :param size: its size, as the site gives it.
        """
        with self._lock:
            if type(size) is not int or self._sizes.get(name) != size:
                return False
        self._store.claim([name])
        return True
