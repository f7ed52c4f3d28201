"""Keeps every token that a pipeline yields for the home site. This module travels with each FLARE job."""

from __future__ import annotations

import json
import os
import threading
from typing import Any

TOKENS_FILE = "tokens.jsonl"
# One reply holds about so much, or one token.
MAX_BYTES_A_READ = 1 << 20


class TokenStore:
    """Writes the tokens for the home site to a file, in the order in which they come.

    In FLARE's jobs it stands in for DFM's AppIOManager, whose queue blocks for good when nobody empties it, loses what
    is in it at the end, and hands out each token once: nv_dfm_core/targets/flare/_app_io_manager.py.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path = ""
        # Tokens can come before start_controller has told the folder.
        self._waiting: list[str] = []

    def open(self, folder: str) -> None:
        """Begin to write to ``folder``, with what came before."""
        os.makedirs(folder, exist_ok=True)
        with self._lock:
            self._path = os.path.join(folder, TOKENS_FILE)
            self._append(self._waiting)
            self._waiting = []

    def receive_token_package(self, token: Any) -> None:
        self.receive_lines([json.dumps(token.model_dump(mode="json"))])

    def receive_lines(self, lines: list[str]) -> None:
        """Take tokens as they are written, each a line without its end."""
        if any("\n" in line for line in lines):
            raise ValueError("a token has more than one line")
        with self._lock:
            if self._path:
                self._append(lines)
            else:
                self._waiting.extend(lines)

    def read(self, position: int) -> dict[str, Any]:
        """Whole lines from a position on, which nobody loses by that.

        :param position: in bytes; 0: the first line.
        :return: ``text``, and the ``position`` to go on from.
        """
        if not self._path or not os.path.exists(self._path):
            return {"text": "", "position": position}
        with open(self._path, "rb") as file:
            file.seek(position)
            lines = file.readlines(MAX_BYTES_A_READ)
        # A line without an end is being written.
        text = b"".join(line for line in lines if line.endswith(b"\n"))
        return {"text": text.decode(), "position": position + len(text)}

    def get_all(self) -> list[Any]:
        """Nothing: results are read from the file, and never taken away."""
        return []

    def save_all_remaining(self, fl_ctx: Any) -> None:
        """Everything is saved already."""

    def _append(self, lines: list[str]) -> None:
        with open(self._path, "a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in lines)
