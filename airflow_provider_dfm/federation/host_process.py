"""The session host's process, seen from its parent: started, asked, and ended for certain."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import queue
import shlex
import signal
import threading
import time
from collections.abc import Callable, Mapping
from importlib import resources
from types import TracebackType
from typing import Any, Protocol

import execnet

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationUnreachable, error_from_name

# Each after those that it imports.
HOST_MODULES = (
    "failures",
    "kit_check",
    "file_names",
    "flare_session",
    "job_logs",
    "named_function",
    "job_source",
    "operation_schema",
    "federation_api",
    "parameter_schema",
    "iso_dates",
    "parameter_places",
    "statement_checks",
    "ready_pipeline",
    "discovery",
    "function_source",
    "pipeline_source",
    "bound_pipeline",
    "module_package",
    "message_seal",
    "incoming_tokens",
    "job_parts",
    "flare_job",
    "line_file",
    "sent_sets",
    "token_store",
    "local_jobs",
    "pickle_machine",
    "safe_pickles",
    "pickles",
    "dfm_session",
    "session",
)
# Those that travel with each job.
JOB_MODULES = (
    "job_components",
    "authenticated_peers",
    "frame_feeder",
    "incoming_messages",
    "incoming_tokens",
    "job_parts",
    "line_file",
    "message_seal",
    "outbox",
    "sent_sets",
    "token_routes",
    "token_store",
    "wind_down",
)
# Those that the site processes of the local target import.
SITE_MODULES = ("wind_down", "local_site")
START_SECONDS = 30.0
END_SECONDS = 3.0

_ENDED = None

Progress = Callable[[], float]


def _none() -> float:
    return 0.0


class Log(Protocol):
    """Where log lines go: a ``logging.Logger`` or one of its kin, such as Airflow's."""

    def log(self, level: int, msg: str, /, *args: Any) -> Any: ...

    def info(self, msg: str, /, *args: Any) -> Any: ...


class HostProcess:
    """One session host: an interpreter of the federation's that answers requests.

    :param python: the interpreter.
    :param python_path: folders put first on its path.
    :param folder: the session's private folder; the host removes it should this process die.
    :param settings: what the host's session needs; see ``remote/session.py``.
    :param log: gets the host's log lines, in the thread that asks.
    """

    def __init__(
        self,
        python: str,
        python_path: tuple[str, ...],
        folder: str,
        settings: Mapping[str, Any],
        log: Log,
    ) -> None:
        self._log = log
        # A signal handler may ask while its own thread is waiting for a reply.
        self._asking = threading.RLock()
        self._requests = itertools.count(1)
        self._replies: dict[int, dict[str, Any]] = {}
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._pid: int | None = None
        self._python = python
        self._group = execnet.Group()
        try:
            gateway = self._group.makegateway(f"popen//python={_command(python)}")
            self._channel = gateway.remote_exec(_source("session_host"))
            self._channel.setcallback(self._messages.put, endmarker=_ENDED)
            setup = {
                "folder": folder,
                "python_path": [os.path.abspath(path) for path in python_path],
                "settings": dict(settings),
                "modules": {name: _source(name) for name in HOST_MODULES},
                "job_modules": {name: _source(name) for name in JOB_MODULES},
                "site_modules": {name: _source(name) for name in SITE_MODULES},
            }
            self._channel.send(json.dumps(setup))
            self._pid = self._reply(0, "starting", START_SECONDS)["pid"]
        except BaseException as error:
            self.end()
            if isinstance(error, (EOFError, OSError, execnet.RemoteError)):
                raise FederationUnreachable(
                    f"The session host did not start with {python}: {type(error).__name__}: {error}"
                ) from error
            raise

    def __enter__(self) -> HostProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def ask(self, method: str, timeout: float, progress: Progress = _none, **arguments: Any) -> Any:
        """Have the host do something.

        :param method: name of a public method of ``remote/session.py``.
        :param timeout: seconds; when they are over the host is ended, since what it does cannot be stopped.
        :param progress: gives a figure; where that has changed when the time is over, the time begins anew.
        :return: the method's result, as JSON knows it.
        :raises FederationError: what the host reported.
        :raises CommandTimedOut: no reply in time.
        :raises FederationUnreachable: the host died.
        """
        with self._asking:
            if self._pid is None:
                raise FederationUnreachable(f"Cannot do {method}: the session has ended. Open a new one.")
            number = next(self._requests)
            try:
                self._channel.send(json.dumps({"number": number, "method": method, "arguments": arguments}))
            except OSError as error:
                self.end()
                raise FederationUnreachable(f"Cannot do {method}: the session host has died.") from error
            return self._reply(number, method, timeout, progress)

    def end(self) -> None:
        """End the host and everything it started. Does nothing the second time."""
        pid, self._pid = self._pid, None
        if pid is not None:
            # The host leads its own process group, which has the sites of the local target in it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._group.terminate(timeout=END_SECONDS)

    def _reply(self, number: int, method: str, timeout: float, progress: Progress = _none) -> Any:
        ends, before = time.monotonic() + timeout, progress()
        while number not in self._replies:
            try:
                text = self._messages.get(timeout=max(0.0, ends - time.monotonic()))
            except queue.Empty:
                now = progress()
                if now != before:
                    ends, before = time.monotonic() + timeout, now
                    continue
                self.end()
                raise CommandTimedOut(
                    f"The federation gave no reply to {method} within {timeout:g} s. The session was ended; "
                    "the command may have been carried out."
                ) from None
            if text is _ENDED:
                # For the call that this one interrupted, if it did.
                self._messages.put(_ENDED)
                self.end()
                raise FederationUnreachable(
                    f"The session host ({self._python}) ended during {method}. Its last lines are in the log."
                )
            message = json.loads(text)
            if "log" in message:
                level, name, line = message["log"]
                self._log.log(level, "%s: %s", name, line)
            else:
                self._replies[message["number"]] = message
        reply = self._replies.pop(number)
        if "error" in reply:
            raise error_from_name(reply["error"]["name"], reply["error"]["message"])
        return reply["result"]


def _source(module: str) -> str:
    return resources.files("airflow_provider_dfm.remote").joinpath(f"{module}.py").read_text(encoding="utf-8")


def _command(python: str) -> str:
    """The interpreter's command line for execnet, which splits it as a shell does."""
    # Airflow's own settings hold secrets, and code of the federation's will run there.
    hidden = [name for name in os.environ if name.startswith(("AIRFLOW", "_AIRFLOW"))]
    words = ["env", *(word for name in hidden for word in ("-u", name)), python] if hidden else [python]
    # execnet takes // for the end of a word.
    return shlex.join(word.replace("//", "/") for word in words)
