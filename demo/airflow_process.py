"""An Airflow on this machine, for the demonstration and the tests.

It runs what ``airflow standalone`` runs, with two differences: each component can be stopped or killed by
itself, and there are no log servers, which would listen on every address of the machine: here all logs are in
one folder.
"""

from __future__ import annotations

import base64
import configparser
import json
import os
import secrets
import subprocess
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TextIO

from demo.airflow_api import AirflowApi, AirflowError
from demo.child_process import ChildProcess, free_ports

USER = "admin"
COMPONENTS = {
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
# Of the starter's environment, what would change what runs.
FOREIGN = ("AIRFLOW", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
DATABASE_TIMEOUT = 180.0
# How long a DAG file may take to be parsed first, before it counts as one without a DAG.
PARSE_TIMEOUT = 30.0


class AirflowProcess(AirflowApi):
    """Runs Airflow's components; a context manager that starts them and stops them.

    Started again on the same folder, it finds its database, its users and its connections again.

    :param folder: a folder for everything that belongs to it: database, settings, logs, home
    :param airflow: the ``bin`` folder of Airflow's environment
    :param dags_folder: where the DAGs are
    :param environment: further environment variables of all components; ``AIRFLOW__…`` ones override settings
    """

    def __init__(
        self, folder: Path, airflow: Path, dags_folder: Path, environment: Mapping[str, str] | None = None
    ) -> None:
        self.folder = Path(folder).absolute()
        self.home = self.folder / "airflow"
        self.logs = self.folder / "logs"
        self.dags_folder = Path(dags_folder).absolute()
        self._bin = Path(airflow).absolute()
        self._further = dict(environment or {})
        self._components: dict[str, ChildProcess] = {}
        super().__init__("", USER, "")

    @property
    def environment(self) -> dict[str, str]:
        """The components' environment variables; with them, Airflow's command line works on this Airflow."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
        home = str(self.folder / "home")
        return {
            **kept,
            "PATH": f"{self._bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": home,
            "AIRFLOW_HOME": str(self.home),
            # A task speaks to the API server, which is never behind a proxy here.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "NO_COLOR": "1",
            **self._further,
        }

    def start(self, timeout: float = 180) -> AirflowProcess:
        """Make the database, start all components, wait until all are healthy and the DAGs are there.

        :param timeout: seconds for the components to become healthy
        :return: itself
        :raises AirflowError: if that fails, or a DAG cannot be imported; nothing is left running then
        """
        for folder in (self.home, self.logs, self.folder / "home"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._write_settings()
        # On a folder with a database, there are entries from before.
        since = datetime.now(timezone.utc)
        try:
            self._migrate()
            for name in COMPONENTS:
                self.start_component(name)
            self.wait_until_healthy(timeout)
            self._check_imports(since)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all components and every process that came from them.

        :raises ProcessNotEnded: when one is left
        """
        for process in self._components.values():
            process.ask_to_end()
        for name in list(self._components):
            self.stop_component(name)

    def start_component(self, name: str) -> None:
        """Start one component; does not wait for it.

        :param name: ``api-server``, ``scheduler``, ``dag-processor`` or ``triggerer``
        """
        if name in self._components:
            raise AirflowError(f"{name} runs already")
        command = [str(self._bin / "airflow"), *COMPONENTS[name]]
        self._components[name] = self._run(name, command)

    def stop_component(self, name: str, kill: bool = False) -> None:
        """End one component and the processes that came from it; the others go on.

        :param name: as for :meth:`start_component`
        :param kill: at once and without notice, as in a crash
        """
        process = self._components[name]
        if kill:
            process.kill()
        else:
            process.stop()
        del self._components[name]

    def wait_until_healthy(self, timeout: float = 60) -> None:
        """Wait until the API server answers, and says that all components are healthy.

        A component that was just killed counts as healthy for up to 30 seconds.

        :param timeout: seconds until then
        :raises AirflowError: if that is not so in time, or a component has ended
        """
        deadline = time.monotonic() + timeout
        while True:
            self.check()
            try:
                state: object = self.health()
                if isinstance(state, dict) and set(state.values()) == {"healthy"}:
                    return
            except AirflowError as error:
                state = error
            if time.monotonic() > deadline:
                raise AirflowError(f"Airflow is not healthy after {timeout} s: {state} (see {self.logs})")
            time.sleep(0.3)

    def check(self) -> None:
        """Raise if a component that should run has ended.

        :raises AirflowError: with the last lines of its log
        """
        for name, process in self._components.items():
            code = process.poll()
            if code is not None:
                raise AirflowError(f"Airflow's {name} ended by itself, code {code}:\n{_last_lines(process.log)}")

    def __enter__(self) -> AirflowProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self, name: str, command: list[str]) -> ChildProcess:
        return ChildProcess(command, self.logs / f"{name}.log", self.environment, self.folder)

    def _migrate(self) -> None:
        migrating = self._run("database", [str(self._bin / "airflow"), "db", "migrate"])
        try:
            code = migrating.wait(DATABASE_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise AirflowError(f"The database is not made in {DATABASE_TIMEOUT} s: {migrating.log}") from None
        finally:
            migrating.stop()
        if code:
            raise AirflowError(f"The database could not be made:\n{_last_lines(migrating.log)}")

    def _write_settings(self) -> None:
        path = self.home / "airflow.cfg"
        former = configparser.ConfigParser(interpolation=None)
        former.read(path)
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        settings = configparser.ConfigParser(interpolation=None)
        settings.read_dict(_settings(self.home, self.dags_folder, port))
        # A key from an earlier start still opens what is in the database.
        fernet = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        settings["core"]["fernet_key"] = former.get("core", "fernet_key", fallback=fernet)
        settings["api"]["secret_key"] = secrets.token_hex(32)
        settings["api_auth"]["jwt_secret"] = secrets.token_hex(64)
        with _private(path) as file:
            settings.write(file)
        self.password = secrets.token_urlsafe(16)
        with _private(self.home / "passwords.json") as file:
            json.dump({self.user: self.password}, file)

    def _check_imports(self, since: datetime) -> None:
        # The name of a file that holds no DAG never comes up, so the wait for it has an end.
        waiting = {str(path.relative_to(self.dags_folder)) for path in _dag_files(self.dags_folder)}
        deadline = time.monotonic() + PARSE_TIMEOUT
        while waiting and time.monotonic() < deadline:
            errors = self.import_errors(since)
            if errors:
                text = "\n".join(f"{name}:\n{trace}" for name, trace in sorted(errors.items()))
                raise AirflowError(f"DAGs that cannot be imported:\n{text}")
            waiting -= self.parsed_files(since)
            time.sleep(0.3)


def _settings(home: Path, dags_folder: Path, port: int) -> dict[str, dict[str, str]]:
    url = f"http://127.0.0.1:{port}"
    return {
        "core": {
            "dags_folder": str(dags_folder),
            "load_examples": "False",
            "execution_api_server_url": f"{url}/execution/",
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": str(home / "passwords.json"),
            "hostname_callable": "socket.gethostname",
            "parallelism": "8",
        },
        # Four components write into one file.
        "database": {"sql_alchemy_conn": f"sqlite:///{home / 'airflow.db'}?timeout=30"},
        "api": {"host": "127.0.0.1", "port": str(port), "base_url": url},
        "api_auth": {},
        # A task whose API server is silent for five seconds fails; on a machine with much to do it is.
        "workers": {"execution_api_timeout": "60"},
        # What a killed scheduler leaves queued is taken up once it has been silent for half a minute.
        "scheduler": {"scheduler_idle_sleep_time": "0.5", "orphaned_tasks_check_interval": "10"},
        # Look for new and changed files often; parse the others seldom, for that costs a core.
        "dag_processor": {
            "refresh_interval": "2",
            "bundle_refresh_check_interval": "1",
            "min_file_process_interval": "300",
        },
    }


def _dag_files(folder: Path) -> list[Path]:
    # What Airflow's safe mode takes for a DAG file.
    files = [path for path in folder.rglob("*.py") if "__pycache__" not in path.parts]
    texts = {path: path.read_bytes().lower() for path in files}
    return [path for path, text in texts.items() if b"dag" in text and b"airflow" in text]


def _private(path: Path) -> TextIO:
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w")


def _last_lines(log: Path, count: int = 20) -> str:
    lines = log.read_text(errors="replace").splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines) + f"\n(see {log})"
