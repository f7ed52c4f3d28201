"""Keeps every token that a pipeline yields for the home site. This module travels with each FLARE job."""

from __future__ import annotations

import os
import threading
from typing import Any

from .line_file import LineFile
from .token_lines import PLAIN, token_line
from .value_store import VALUES, ValueStore

TOKENS_FILE = "tokens.jsonl"
# One reply holds about so much, or one token.
MAX_BYTES_A_READ = 1 << 20


class TokenStore:
    """Writes the tokens for the home site to a file, in the order in which they come.

    In FLARE's jobs it stands in for DFM's AppIOManager, whose queue blocks for good when nobody empties it, loses what
    is in it at the end, and hands out each token once: nv_dfm_core/targets/flare/_app_io_manager.py.

    :param room: how many bytes of the disk the large values have to leave free.
    """

    def __init__(self, room: int = 0) -> None:
        #: The large values of the tokens, from :meth:`open` on.
        self.values = ValueStore("", room)
        self._room = room
        self._lock = threading.Lock()
        self._file: LineFile | None = None
        self._path = ""
        self._is_closed = False
        # Tokens can come before start_controller has told the folder.
        self._waiting: list[str] = []

    def open(self, folder: str) -> None:
        """Begin to write to ``folder``, with what came before."""
        os.makedirs(folder, exist_ok=True)
        self.values = ValueStore(os.path.join(folder, VALUES), self._room)
        with self._lock:
            self._path = os.path.join(folder, TOKENS_FILE)
            self._file = LineFile(self._path)
            self._file.append(self._waiting)
            self._waiting = []

    def close(self) -> None:
        """Take nothing any more: the job's outcome stands."""
        with self._lock:
            self._is_closed = True
        self.values.close()

    def receive_token_package(self, token: Any) -> None:
        tag, value = token.tagged_data
        if tag == PLAIN:
            self.values.claim(value[1])
        self.receive_lines([token_line(token)])

    def receive_lines(self, lines: list[str]) -> None:
        """Take tokens as they are written, each a line without its end: all of them or none.

        :raises OSError: they were not written.
        :raises RuntimeError: the store is closed.
        """
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the job has ended, and takes no results any more")
            if self._file is None:
                self._waiting.extend(lines)
            else:
                self._file.append(lines)

    def read(self, position: int) -> dict[str, Any]:
        """Whole lines from a position on, which nobody loses by that.

        :param position: in bytes; 0: the first line.
        :return: ``text``, and the ``position`` to go on from.
        """
        # What comes after that is being written, and may be taken off again.
        size = self._file.size if self._file is not None else 0
        if position >= size:
            return {"text": "", "position": position}
        with open(self._path, "rb") as file:
            file.seek(position)
            lines = file.readlines(min(MAX_BYTES_A_READ, size - position))
        text = b"".join(lines)[: size - position]
        return {"text": text.decode(), "position": position + len(text)}

    def get_all(self) -> list[Any]:
        """Nothing: results are read from the file, and never taken away."""
        return []

    def save_all_remaining(self, fl_ctx: Any) -> None:
        """Everything is saved already."""
