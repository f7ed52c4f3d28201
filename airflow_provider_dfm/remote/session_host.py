"""The session host: serves one federation session to its parent, in the federation's own interpreter.

``airflow_provider_dfm.federation.host_process`` sends this module's source through execnet, then the other
modules of this folder as text, then JSON requests. Nothing is installed here, and nobody but the parent can speak to
it: its only way in and out is the pipe that the parent holds.

Requests that ask the server one thing are answered at once, each in a thread of its own, so that an abort does not
wait for a download. All others are answered in the main thread, one after the other: neither DFM nor the code of
federations and pipelines was made for threads.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib
import io
import json
import logging
import os
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import types
from typing import Any

PACKAGE = "airflow_provider_dfm.remote"
PARENT_CHECK_SECONDS = 0.5
LOCK = "airflow-provider-dfm.lock"
# With the target flare, each of these asks the server one thing, in a message of its own: commands of nvflare's session
# share nothing but its token (nvflare/fuel/hci/client/api.py, server_execute).
ONE_QUESTION = frozenset({"abort_jobs", "get_job_meta", "get_system_info", "list_jobs", "read_tokens", "tail_job_log"})
QUIET_LOGGERS = ("nvflare.fuel", "nvflare.private")
# nv_dfm_core/gen/irgen/_fed_info.py, get_send_cost: a warning for each pair of sites whose costs nobody has configured.
DEMOTED = ("doesn't have send cost info to site",)


def side_by_side(target: str) -> frozenset[str]:
    """The requests that need not wait for others.

    :param target: the session's, ``flare`` or ``local``.
    """
    return ONE_QUESTION if target == "flare" else frozenset()


def load_modules(sources: dict[str, str]) -> None:
    """Make the shipped modules importable under their own names, whether or not the provider is installed here.

    :param sources: module name to source text, each after those that it imports.
    """
    for name in (PACKAGE.partition(".")[0], PACKAGE):
        package = types.ModuleType(name)
        package.__path__ = []  # marks it as a package
        sys.modules[name] = package
    for name, source in sources.items():
        module = types.ModuleType(f"{PACKAGE}.{name}")
        # So that those which travel with a job, too, find each other under any package's name.
        module.__package__ = PACKAGE
        sys.modules[module.__name__] = module
        exec(compile(source, f"<{module.__name__}>", "exec"), module.__dict__)


def lock_folder(folder: str) -> int:
    """Hold a private folder: as long as the lock's descriptor is open, nobody takes the folder for abandoned.

    :param folder: the folder.
    :return: the descriptor.
    :raises BlockingIOError: somebody is removing the folder.
    """
    # Written to by nobody, but a lock on NFS needs a descriptor that could: flock(2).
    lock = os.open(os.path.join(folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BaseException:
        os.close(lock)
        raise
    return lock


def remove_folder(path: str, folder: int | None = None) -> None:
    """Remove a private folder.

    :param path: the folder.
    :param folder: its open descriptor; default: opened here.
    """
    opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW) if folder is None else os.dup(folder)
    try:
        # By descriptor: in a directory that all can write to, the name may become another folder's at any time.
        with os.scandir(opened) as entries:
            inside = {entry.name: entry.is_dir(follow_symlinks=False) for entry in entries if entry.name != LOCK}
        for name, is_folder in inside.items():
            if is_folder:
                shutil.rmtree(f"/proc/self/fd/{opened}/{name}", ignore_errors=True)
            else:
                os.unlink(name, dir_fd=opened)
        # The lock goes last, and only alone: a folder without it is one that nobody would remove.
        if os.listdir(opened) == [LOCK]:
            os.unlink(LOCK, dir_fd=opened)
    finally:
        os.close(opened)
    os.rmdir(path)


def end_with_parent(parent: int, folder: str) -> None:
    """End this process, its children and its private folder when the parent is gone.

    :param parent: process id of the parent.
    :param folder: the session's private folder, which holds the startup kit.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_SECONDS)
        end_group(folder)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def end_group(folder: str) -> None:
    """Remove the private folder and kill this process with all its children."""
    with contextlib.suppress(OSError):
        remove_folder(folder)
    os.killpg(os.getpgid(0), signal.SIGKILL)


class Outlet:
    """Everything that leaves the host: replies and log lines, one at a time.

    :param channel: the execnet channel to the parent.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        #: ``number``: the request that a thread is answering.
        self.answering = threading.local()

    def send(self, **message: Any) -> None:
        with self._lock:
            self._channel.send(json.dumps(message, default=str))

    def log(self, level: int, name: str, text: str) -> None:
        # A log line that cannot be sent must not break what it speaks of.
        with contextlib.suppress(OSError, EOFError):
            # Of a thread that the client library started, nobody knows for which request.
            self.send(number=getattr(self.answering, "number", None), log=[level, name, text])


class Demoted(logging.Filter):
    """Lets what the client library says of every pipeline, and nobody can act on, pass as DEBUG, each text once."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if not any(sign in text for sign in DEMOTED):
            return True
        if text in self._said:
            return False
        self._said.add(text)
        record.levelno, record.levelname = logging.DEBUG, "DEBUG"
        return True


class ForwardingHandler(logging.Handler):
    """Sends the log records of the client libraries to the parent."""

    def __init__(self, outlet: Outlet) -> None:
        super().__init__(logging.INFO)
        self.addFilter(Demoted())
        self._outlet = outlet

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._outlet.log(record.levelno, record.name, self.format(record))
        except Exception:
            self.handleError(record)


class ForwardingStream(io.TextIOBase):
    """Sends what the client libraries print to the parent, line by line."""

    def __init__(self, outlet: Outlet, name: str) -> None:
        self._outlet = outlet
        self._name = name
        self._rest = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line.strip():
                self._outlet.log(logging.INFO, self._name, line)
        return len(text)


def forward_output(outlet: Outlet) -> None:
    """Send log records and prints of this process to the parent."""
    root = logging.getLogger()
    root.handlers[:] = [ForwardingHandler(outlet)]
    root.setLevel(logging.INFO)
    # Each log-in would put ten lines on its connections and registrations into a task's log.
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.stdout = ForwardingStream(outlet, "stdout")
    sys.stderr = ForwardingStream(outlet, "stderr")


def serve(channel: Any) -> None:
    """Answer the parent's requests until it goes away.

    :param channel: the execnet channel to the parent.
    """
    setup = json.loads(channel.receive())
    lock_folder(setup["folder"])
    os.setsid()
    os.umask(0o077)
    # The client library packs jobs in temporary files, and leaves them there.
    os.environ["TMPDIR"] = tempfile.tempdir = setup["folder"]
    end_with_parent(os.getppid(), setup["folder"])
    outlet = Outlet(channel)
    forward_output(outlet)
    sys.path[:0] = setup["python_path"]
    outlet.send(number=0, result={"pid": os.getpid()})
    load_modules(setup["modules"])
    make_session = importlib.import_module(f"{PACKAGE}.session").Session
    session = make_session(setup["folder"], setup["settings"], setup["job_modules"], setup["site_modules"])
    answer_requests(channel, outlet, session, setup)


def answer_requests(channel: Any, outlet: Outlet, session: Any, setup: dict[str, Any]) -> None:
    """Answer the parent's requests until it goes away.

    :param channel: the execnet channel to the parent.
    :param session: the object whose public methods are the requests.
    :param setup: what the parent sent first.
    """
    at_once = side_by_side(setup["settings"]["target"])
    in_turn: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    def take(text: str | None) -> None:
        if text is None:
            end_group(setup["folder"])
            return
        request = json.loads(text)
        if request["method"] in at_once:
            threading.Thread(target=answer, args=(outlet, session, request), daemon=True).start()
        else:
            in_turn.put(request)

    channel.setcallback(take, endmarker=None)
    while True:
        answer(outlet, session, in_turn.get())


def answer(outlet: Outlet, session: Any, request: dict[str, Any]) -> None:
    """Do one request and reply with its result or its error.

    :param session: the object whose public methods are the requests.
    :param request: ``{"number": n, "method": name, "arguments": {...}}``; the reply has the same number.
    """
    outlet.answering.number = request["number"]
    try:
        method = getattr(session, request["method"])
        outlet.send(number=request["number"], result=method(**request["arguments"]))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever code of the federation's raises must not end this process
        # An error that has a name here has one in federation/errors.py; any other is a fault of ours.
        name = getattr(error, "error_name", "FederationError")
        message = str(error)
        if not hasattr(error, "error_name"):
            last = traceback.extract_tb(error.__traceback__)[-1]
            message = (
                f"{request['method']} failed in the session host: {type(error).__name__}: {error} "
                f"(at {last.filename}:{last.lineno})"
            )
        outlet.send(number=request["number"], error={"name": name, "message": message})


if __name__ == "__channelexec__":
    serve(channel)  # type: ignore[name-defined]  # noqa: F821 - execnet puts it there
