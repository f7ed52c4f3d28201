"""An open session host with its private folder: what a session asks its requests of."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.errors import FederationError, FederationUnreachable
from airflow_provider_dfm.federation.host_process import HostProcess, Log
from airflow_provider_dfm.federation.interpreter import inspect_interpreter
from airflow_provider_dfm.federation.job_identity import check_job_id
from airflow_provider_dfm.federation.private_folder import PrivateFolder
from airflow_provider_dfm.federation.settings import ConnectionSettings
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit, unpack_startup_kit

COMMAND_SECONDS = 60.0
# Importing the libraries, on a busy machine: the session host keeps the log-in itself within its own limit.
IMPORT_SECONDS = 30.0
# A server that packs or looks for a large file sends nothing meanwhile.
SILENT_SECONDS = 300.0


class OpenSession:
    """Opens, asks and closes.

    :param settings: which federation, as whom, and how.
    :param log: gets the session's log lines.
    :param startup_kit: the kit's folder, zip or tar: a ``pathlib.Path`` or one of its kin; default: the settings'.
    :param log_in: False for what needs no server: then the kit is left alone.
    """

    def __init__(self, settings: ConnectionSettings, log: Log, startup_kit: Any = None, log_in: bool = True) -> None:
        self.settings = settings
        self._log_in = log_in
        self._log = log
        self._startup_kit = Path(settings.startup_kit) if startup_kit is None else startup_kit
        self._host: HostProcess | None = None
        self._private_folder: PrivateFolder | None = None
        self._was_open = False
        self._opening = threading.RLock()
        self.about: dict[str, Any] = {}

    def open(self) -> None:
        """Start the session host and log in, unless that is not wanted. Does nothing where it is open.

        :raises FederationError: says what is wrong with the interpreter, the kit, the user or the server.
        """
        with self._opening:
            if self._host is None:
                self._open()

    def _open(self) -> None:
        settings = self.settings
        timeout = settings.connect_timeout
        inspect_interpreter(settings.python, bool(settings.federation), timeout, settings.python_path)
        self._private_folder = PrivateFolder()
        try:
            self._host = HostProcess(
                settings.python, settings.python_path, str(self.folder), self._host_settings(), self._log
            )
            self.about = self._host.ask("connect", timeout + IMPORT_SECONDS, log_in=self._log_in)
            self._was_open = True
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the session host and remove the copy of the startup kit. Does nothing the second time."""
        if self._host is not None:
            self._host.end()
            self._host = None
        if self._private_folder is not None:
            self._private_folder.close()
            self._private_folder = None

    @property
    def folder(self) -> Path:
        """The session's private folder.

        :raises FederationError: the session is not open.
        """
        # Another thread may close it at any moment.
        folder = self._private_folder
        if folder is None:
            raise self._not_open("make files")
        return folder.path

    def _host_settings(self) -> dict[str, Any]:
        settings = self.settings
        names = ("user", "federation", "homesite", "target", "secure_mode", "connect_timeout")
        return {name: getattr(settings, name) for name in names} | {"startup_kit": self._private_kit()}

    def _private_kit(self) -> str | None:
        if self.settings.target == "local" or not self._log_in:
            return None
        content = self.settings.startup_kit_secret.get_secret_value()
        if content:
            return str(unpack_startup_kit(content, self.folder))
        return str(copy_startup_kit(self._startup_kit, self.folder))

    def ask(self, method: str, timeout: float = COMMAND_SECONDS, **arguments: Any) -> Any:
        """Have the session host do something; see :meth:`HostProcess.ask`.

        :param method: name of a public method of ``remote/session.py``.
        :param timeout: seconds.
        """
        return self._open_host(method, arguments).ask(method, timeout, **arguments)

    def transfer(self, method: str, **arguments: Any) -> Any:
        """As :meth:`ask`, for what brings files: it may take as long as it likes while the private folder changes.

        :param method: name of a public method of ``remote/session.py``.
        :raises CommandTimedOut: nothing came for a while.
        """
        host = self._open_host(method, arguments)
        return host.ask(method, SILENT_SECONDS, progress=self._bytes, **arguments)

    def _open_host(self, method: str, arguments: dict[str, Any]) -> HostProcess:
        if "job_id" in arguments:
            check_job_id(arguments["job_id"])
        host = self._host
        if host is None:
            raise self._not_open(f"do {method}")
        return host

    def _not_open(self, what: str) -> FederationError:
        if self._was_open:
            # By another thread, perhaps, that shares a hook with this one: nothing was asked, and a new one can do it.
            return FederationUnreachable(f"Cannot {what}: the session was closed. Open a new one.")
        return FederationError(f"Cannot {what}: the session is not open. Use it in a with statement.")

    def _bytes(self) -> int:
        """Bytes of all files in the private folder."""
        size = 0
        for folder, _, names in os.walk(self.folder):
            for name in names:
                # Files come and go.
                with contextlib.suppress(OSError):
                    size += os.lstat(os.path.join(folder, name)).st_size
        return size
