"""A FLARE proof-of-concept federation on this machine, for the demonstration and the tests.

The server and the clients run on the loopback address with the federation's own Python interpreter.
Every process has a keeper (``process_keeper.py``) that ends it with the job processes it started,
also when the process that started the federation is killed. Linux only.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from demo.child_process import ChildProcess, free_ports

HERE = Path(__file__).resolve().parent
PROJECT = "poc"
SERVER = "server"


class FlarePocError(RuntimeError):
    """The proof-of-concept federation could not be made, started or stopped."""


class FlarePoc:
    """Makes and runs one federation; a context manager that starts it and stops it.

    :param folder: a folder for everything that belongs to it: startup kits, jobs, logs, home
    :param python: the federation's interpreter, one with nvflare
    :param clients: the names of the client sites
    :param admin: the name of the admin user
    :param python_path: folders that server and clients import federation packages from
    :param environment: further environment variables of server and clients
    :param host: the name by which all reach the server; its certificate is made for it
    :param command_prefix: the words before each process's own command, such as a network namespace's
    :param max_schedule_count: how many times, a second apart, the server offers a job to its sites before it
        refuses it. After a server's start the sites are away for some seconds
    :param secure: whether server and sites speak TLS and ask for certificates; from nvflare 2.7 on the admin client
        speaks nothing else
    """

    def __init__(
        self,
        folder: Path,
        python: Path,
        clients: Iterable[str] = ("seattle", "san_francisco"),
        admin: str = "analyst@weather.example",
        python_path: Iterable[Path | str] = (),
        environment: Mapping[str, str] | None = None,
        host: str = "localhost",
        command_prefix: Sequence[str] = (),
        max_schedule_count: int = 2,
        secure: bool = True,
    ) -> None:
        self.folder = Path(folder).absolute()
        # Not resolved: a virtual environment's interpreter is known by the link's own place.
        self.python = Path(python).absolute()
        self.clients = tuple(clients)
        self.admin = admin
        self.host = host
        self._command_prefix = tuple(command_prefix)
        self._max_schedule_count = max_schedule_count
        self._secure = secure
        self._python_path = os.pathsep.join(str(Path(entry).absolute()) for entry in python_path)
        self._environment = dict(environment or {})
        self._running: dict[str, ChildProcess] = {}

    @property
    def kits(self) -> Path:
        """The folder that holds the startup kit of every participant."""
        return self.folder / "workspace" / PROJECT / "prod_00"

    @property
    def startup_kit(self) -> Path:
        """The root of the admin's startup kit."""
        return self.kits / self.admin

    @property
    def logs(self) -> Path:
        """The folder that holds one log file per participant."""
        return self.folder / "logs"

    def pids(self, name: str) -> set[int]:
        """The ids of a participant's processes, those of its jobs included.

        :param name: ``server``, or a client's name
        """
        return self._running[name].pids

    def start(self, timeout: float = 90) -> FlarePoc:
        """Make the startup kits if there are none, start all processes, wait until all is ready.

        :param timeout: seconds until the server must answer and every client be registered
        :return: itself
        :raises FlarePocError: if it is not ready in time; nothing is left running then
        """
        try:
            self.launch()
            self.wait_until_ready(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def launch(self) -> None:
        """Make the startup kits if there are none, and start all processes; does not wait until they are ready."""
        if not self.startup_kit.exists():
            self._provision()
        for name in (SERVER, *self.clients):
            self._start(name)

    def stop(self) -> None:
        """End the clients, the server, and every process they started."""
        for process in self._running.values():
            process.ask_to_end()
        for name in list(self._running):
            self._end(name)

    def stop_server(self) -> None:
        """End the server and its job processes; the clients stay."""
        self._end(SERVER)

    def kill(self, name: str = SERVER) -> None:
        """End a participant and its job processes at once and without notice, as a crash would; the others stay.

        :param name: ``server``, or a client's name
        """
        self._running.pop(name).kill()

    def start_again(self, name: str = SERVER, timeout: float = 90) -> None:
        """Start a participant again after :meth:`kill` or :meth:`stop_server`, and wait until all is ready.

        :param name: ``server``, or a client's name
        :param timeout: see :meth:`start`
        """
        self._start(name)
        self.wait_until_ready(timeout)

    def wait_until_ready(self, timeout: float = 90) -> None:
        """Wait until the server answers the admin and every client is registered.

        :param timeout: seconds until then
        :raises FlarePocError: if that is not so in time, or a process has ended
        """
        deadline = time.monotonic() + timeout
        while not self._listening():
            self._check_alive()
            if time.monotonic() > deadline:
                raise FlarePocError(f"The server does not listen after {timeout} s: see {self.logs}")
            time.sleep(0.2)
        settings = {
            "admin": self.admin,
            "startup_kit": str(self.startup_kit),
            "clients": self.clients,
            "secure": self._secure,
            "timeout": max(1.0, deadline - time.monotonic()),
        }
        self._set_up("wait", settings)

    def __enter__(self) -> FlarePoc:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _provision(self) -> None:
        # What is there without the admin's kit is what an interrupted start left.
        shutil.rmtree(self.folder / "workspace", ignore_errors=True)
        fed_learn_port, admin_port = free_ports(2)
        settings = {
            "project": PROJECT,
            "workspace": str(self.folder / "workspace"),
            "host": self.host,
            "clients": self.clients,
            "admin": self.admin,
            "fed_learn_port": fed_learn_port,
            "admin_port": admin_port,
            "max_schedule_count": self._max_schedule_count,
        }
        self._set_up("provision", settings)
        (self.folder / "port.txt").write_text(str(fed_learn_port))

    def _set_up(self, command: str, settings: dict[str, Any]) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{command}.log"
        log.unlink(missing_ok=True)
        running = self._launch(command, [str(HERE / "flare_poc_setup.py"), command, json.dumps(settings)])
        try:
            code = running.wait(settings.get("timeout", 60) + 60)
        except subprocess.TimeoutExpired:
            raise FlarePocError(f"{command} does not end: see {log}") from None
        finally:
            self._end(command)
        if code:
            last = log.read_text(errors="replace").strip().rpartition("\n")[2]
            raise FlarePocError(f"{command} failed: {last} (see {log})")

    def _start(self, name: str) -> None:
        kind = SERVER if name == SERVER else "client"
        options = [f"secure_train={str(self._secure).lower()}", "org=demo", "config_folder=config"]
        if kind == "client":
            options.append(f"uid={name}")
        command = ["-u", "-m", f"nvflare.private.fed.app.{kind}.{kind}_train"]
        command += ["-m", str(self.kits / name), "-s", f"fed_{kind}.json", "--set", *options]
        (self.kits / name / "transfer").mkdir(exist_ok=True)
        self._launch(name, command)

    def _launch(self, name: str, arguments: list[str]) -> ChildProcess:
        if name in self._running:
            raise FlarePocError(f"{name} runs already")
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        environment = self._process_environment(home)
        command = [*self._command_prefix, str(self.python), *arguments]
        self._running[name] = ChildProcess(command, self.logs / f"{name}.log", environment, home)
        return self._running[name]

    def _end(self, name: str) -> None:
        if name in self._running:
            self._running[name].stop()
            del self._running[name]

    def _check_alive(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise FlarePocError(f"{name} ended by itself: see {self.logs / f'{name}.log'}")

    def _listening(self) -> bool:
        port = int((self.folder / "port.txt").read_text())
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((self.host, port)) == 0

    def _process_environment(self, home: Path) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": self._python_path,
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(home),
            # nvflare forks its job processes beside gRPC's threads; with gRPC's fork handlers such a process
            # sometimes ends before it runs, and the job fails: "epoll_wait error: Bad file descriptor".
            "GRPC_ENABLE_FORK_SUPPORT": "false",
            "NVFLARE_POC_WORKSPACE": str(self.folder / "workspace"),
            **self._environment,
        }
