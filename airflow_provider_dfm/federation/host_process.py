"""The session host's process, seen from its parent: started, asked, and ended for certain."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import json
import os
import queue
import shlex
import signal
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from importlib import resources
from types import TracebackType
from typing import Any, Protocol

import execnet

from airflow_provider_dfm.federation.errors import CommandTimedOut, FederationUnreachable, error_from_name
from airflow_provider_dfm.federation.host_environment import hidden_variables
from airflow_provider_dfm.federation.host_messages import END, HostMessages, Messages
from airflow_provider_dfm.federation.shipped_modules import HOST_MODULES, JOB_MODULES, SITE_MODULES
from airflow_provider_dfm.remote.foreign_text import fit
from airflow_provider_dfm.remote.session_host import side_by_side

START_SECONDS = 30.0
END_SECONDS = 3.0

Progress = Callable[[], float]

_channels: weakref.WeakSet[execnet.Channel] = weakref.WeakSet()


def _none() -> float:
    return 0.0


class Log(Protocol):
    """Where log lines go: a ``logging.Logger`` or one of its kin, such as Airflow's."""

    def log(self, level: int, msg: str, /, *args: Any) -> Any: ...

    def info(self, msg: str, /, *args: Any) -> Any: ...


class HostProcess:
    """One session host: an interpreter of the federation's that answers requests, of any number of threads.

    :param python: the interpreter.
    :param python_path: folders put first on its path.
    :param folder: the session's private folder; the host removes it should this process die.
    :param settings: what the host's session needs; see ``remote/session.py``.
    :param log: gets the host's log lines, each in the thread that asked for what they speak of.
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
        self._requests = itertools.count(1)
        self._side_by_side = side_by_side(settings["target"])
        # The host does all others one after the other. A signal handler may ask within its own thread's turn.
        self._turn = threading.RLock()
        self._messages = HostMessages()
        self._to_send: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._pid: int | None = None
        # A process that is forked from this one has no thread that sends, and must not end the host of its parent.
        self._owner = os.getpid()
        self._python = python
        group = execnet.Group()
        # It would stay there, with all of this session's rest, as long as this process lives; end() does what it does.
        atexit.unregister(group._cleanup_atexit)
        # Emptied by the thread that ends it: of several that notice the host's end, one.
        self._groups = [group]
        try:
            gateway = group.makegateway(f"popen//python={_command(python)}")
            self._channel = gateway.remote_exec(_source("session_host"))
            _channels.add(self._channel)
            with self._messages.of(0) as messages:
                self._channel.setcallback(self._messages.take, endmarker=END)
                self._channel.send(json.dumps(_setup(folder, python_path, settings)))
                self._pid = self._reply(messages, "starting", START_SECONDS)["pid"]
        except BaseException as error:
            self.end()
            if isinstance(error, (EOFError, OSError, execnet.RemoteError)):
                raise FederationUnreachable(
                    f"The session host did not start with {python}: {type(error).__name__}: {error}"
                ) from error
            raise
        threading.Thread(target=self._send, name="session-host-requests", daemon=True).start()

    def __enter__(self) -> HostProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def ask(self, method: str, timeout: float, progress: Progress = _none, **arguments: Any) -> Any:
        """Have the host do something. A signal handler may ask inside of another request of its own thread.

        :param method: name of a public method of ``remote/session.py``.
        :param timeout: seconds from when its turn comes; when they are over the host is ended, since what it does
            cannot be stopped.
        :param progress: gives a figure; where that has changed when the time is over, the time begins anew.
        :return: the method's result, as JSON knows it.
        :raises FederationError: what the host reported.
        :raises CommandTimedOut: no reply in time.
        :raises FederationUnreachable: the host died, or this process was forked from the one that started it.
        """
        if self._owner != os.getpid():
            raise FederationUnreachable(
                f"Cannot do {method}: the session belongs to the process that this one was forked from. Open a hook or "
                "a session of its own in each process."
            )
        with nullcontext() if method in self._side_by_side else self._turn:
            return self._ask(method, timeout, progress, arguments)

    def _ask(self, method: str, timeout: float, progress: Progress, arguments: dict[str, Any]) -> Any:
        if self._pid is None:
            raise FederationUnreachable(f"Cannot do {method}: the session has ended. Open a new one.")
        number = next(self._requests)
        with self._messages.of(number) as messages:
            self._to_send.put(json.dumps({"number": number, "method": method, "arguments": arguments}))
            return self._reply(messages, method, timeout, progress)

    def end(self) -> None:
        """End the host and everything it started. Does nothing the second time, nor in a forked process."""
        if self._owner != os.getpid():
            return
        pid, self._pid = self._pid, None
        groups, self._groups = self._groups, []
        if pid is not None:
            # The host leads its own process group, which has the sites of the local target in it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        # Whatever asks still is told that it has ended.
        self._messages.take(END)
        self._to_send.put(None)
        for group in groups:
            group.terminate(timeout=END_SECONDS)

    def _send(self) -> None:
        # One thread writes to the pipe: half a message of one that a signal interrupts would spoil the other's.
        while (text := self._to_send.get()) is not None:
            try:
                self._channel.send(text)
            except OSError:
                self._messages.take(END)
                return

    def _reply(self, messages: Messages, method: str, timeout: float, progress: Progress = _none) -> Any:
        ends, before = time.monotonic() + timeout, progress()
        while True:
            try:
                message = messages.get(timeout=max(0.0, ends - time.monotonic()))
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
            if message is END:
                self.end()
                raise FederationUnreachable(
                    f"The session host ({self._python}) ended during {method}. Its last lines are in the log."
                )
            if "log" in message:
                level, name, line = message["log"]
                self._log.log(level, "%s: %s", name, fit(line))
            elif "error" in message:
                raise error_from_name(message["error"]["name"], message["error"]["message"])
            else:
                return message["result"]


def _setup(folder: str, python_path: tuple[str, ...], settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the host is told first."""
    return {
        "folder": folder,
        "python_path": [os.path.abspath(path) for path in python_path],
        "settings": dict(settings),
        "modules": {name: _source(name) for name in HOST_MODULES},
        "job_modules": {name: _source(name) for name in JOB_MODULES},
        "site_modules": {name: _source(name) for name in SITE_MODULES},
    }


def _source(module: str) -> str:
    return resources.files("airflow_provider_dfm.remote").joinpath(f"{module}.py").read_text(encoding="utf-8")


def _command(python: str) -> str:
    """The interpreter's command line for execnet, which splits it as a shell does."""
    hidden = hidden_variables()
    # A pipeline function that goes through a set has to build the same pipeline at each try.
    words = ["env", *(word for name in hidden for word in ("-u", name)), "PYTHONHASHSEED=0", python]
    # execnet takes // for the end of a word.
    return shlex.join(word.replace("//", "/") for word in words)


def _let_go_after_fork() -> None:
    # A child's copy of a channel would tell the host, as it is removed, that the parent has gone:
    # execnet/gateway_base.py, Channel.__del__.
    for channel in _channels:
        channel._closed = True


os.register_at_fork(after_in_child=_let_go_after_fork)
