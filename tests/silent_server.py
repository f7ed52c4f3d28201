"""A server that takes connections and says nothing, as one does whose process is stopped or overloaded."""

from __future__ import annotations

import json
import shutil
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

# Where a kit says which server it is for: before nvflare 2.7, and since.
ADDRESS_FILES = ("startup/fed_admin.json", "local/resources.json.default", "local/resources.json")


class SilentServer:
    """Listens on a free port of the loopback interface; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._taken: list[socket.socket] = []
        #: The port.
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> SilentServer:
        threading.Thread(target=self._take, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A thread that accepts keeps the port open: close() alone does not wake it.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for taken in self._taken:
            taken.close()

    def startup_kit(self, kit: Path, target: Path) -> Path:
        """A copy of a kit that leads here.

        :param kit: the kit's root.
        :param target: the copy's, which does not exist yet.
        """
        shutil.copytree(kit, target)
        for name in ADDRESS_FILES:
            if (target / name).exists():
                content = json.loads((target / name).read_text())
                (target / name).write_text(json.dumps(self._led_here(content)))
        return target

    def _led_here(self, value: Any) -> Any:
        here = {"host": "localhost", "port": self.port, "sp_end_point": f"localhost:{self.port}:{self.port}"}
        if isinstance(value, dict):
            return {name: here.get(name, self._led_here(inner)) for name, inner in value.items()}
        return [self._led_here(inner) for inner in value] if isinstance(value, list) else value

    def _take(self) -> None:
        while True:
            try:
                self._taken.append(self._socket.accept()[0])
            except OSError:
                return
