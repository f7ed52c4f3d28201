"""What the demonstration and the tests ask of Airflow's REST API; with the standard library alone."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from typing import Any

FINISHED = ("success", "failed")


class AirflowError(RuntimeError):
    """Airflow did not start, or answered a request with an error.

    :param message: what was tried and what came back
    :param status: the HTTP status, 0 without an answer
    """

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class AirflowApi:
    """A user's log-in to a running Airflow.

    :param url: where the API server is, without a slash at the end
    :param user: a user of the simple auth manager
    :param password: the user's password
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self.user = user
        self.password = password
        self._token: str | None = None
        # Airflow is on this machine: the user's proxies are not for it.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def api(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request as the user.

        :param method: the HTTP method
        :param path: the path, such as ``/api/v2/dags``, with its query
        :param json: the body
        :return: the answer's JSON, None when it has no content
        :raises AirflowError: for every status but 2xx
        """
        try:
            return self._request(method, path, json, self._token or self._log_in())
        except AirflowError as error:
            if error.status != 401:
                raise
            return self._request(method, path, json, self._log_in())

    def health(self) -> dict[str, str]:
        """The status of each of Airflow's components; needs no log-in."""
        answer = self._request("GET", "/api/v2/monitor/health", None, None)
        return {name: (part or {}).get("status") or "missing" for name, part in answer.items()}

    def import_errors(self, since: datetime | None = None) -> dict[str, str]:
        """The DAG files that could not be imported, and why.

        :param since: only what was found from then on
        """
        errors = self.api("GET", "/api/v2/importErrors?limit=100")["import_errors"]
        return {
            error["filename"]: error["stack_trace"]
            for error in errors
            if not since or _time(error["timestamp"]) >= since
        }

    def parsed_files(self, since: datetime) -> set[str]:
        """The files that DAGs were found in, relative to the DAGs' folder.

        :param since: only those parsed from then on
        """
        dags = self.api("GET", "/api/v2/dags?limit=100")["dags"]
        return {dag["relative_fileloc"] for dag in dags if _time(dag["last_parsed_time"]) >= since}

    def add_connection(
        self,
        conn_id: str,
        conn_type: str,
        *,
        login: str | None = None,
        password: str | None = None,
        host: str | None = None,
        port: int | None = None,
        schema: str | None = None,
        description: str | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        """Make a connection, or replace it.

        :param conn_id: its id
        :param conn_type: its type, such as ``dfm``
        :param extra: what the connection type has fields of its own for
        """
        body: dict[str, Any] = {"connection_id": conn_id, "conn_type": conn_type}
        body |= {"login": login, "password": password}
        body |= {"host": host, "port": port, "schema": schema, "description": description}
        body["extra"] = None if extra is None else json.dumps(extra)
        try:
            self.api("PATCH", f"/api/v2/connections/{_quoted(conn_id)}", body)
        except AirflowError as error:
            if error.status != 404:
                raise
            self.api("POST", "/api/v2/connections", body)

    def unpause(self, dag_id: str) -> None:
        """Let a DAG's runs start.

        :param dag_id: its id
        """
        self.api("PATCH", f"/api/v2/dags/{_quoted(dag_id)}", {"is_paused": False})

    def trigger(
        self,
        dag_id: str,
        conf: dict[str, Any] | None = None,
        logical_date: str | None = None,
        run_id: str | None = None,
    ) -> str:
        """Start a run of a DAG, which is unpaused before.

        :param dag_id: its id
        :param conf: the run's configuration
        :param logical_date: ISO time with its zone
        :param run_id: the id it gets; default: one of Airflow's
        :return: the run's id
        """
        self.unpause(dag_id)
        body = {"conf": conf or {}, "logical_date": logical_date, "dag_run_id": run_id}
        answer = self.api("POST", f"/api/v2/dags/{_quoted(dag_id)}/dagRuns", body)
        return str(answer["dag_run_id"])

    def wait_for_run(self, dag_id: str, run_id: str, timeout: float) -> str:
        """Wait until a run has ended.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param timeout: seconds
        :return: its state: ``success`` or ``failed``
        :raises TimeoutError: when it has not ended by then; the message tells its tasks' states
        """
        deadline = time.monotonic() + timeout
        while True:
            state = self.api("GET", _run_path(dag_id, run_id))["state"]
            if state in FINISHED:
                return str(state)
            if time.monotonic() > deadline:
                tasks = {task["task_id"]: task["state"] for task in self.task_instances(dag_id, run_id)}
                raise TimeoutError(f"{dag_id} {run_id} is {state} after {timeout} s; tasks: {tasks}")
            self.check()
            time.sleep(0.5)

    def wait_for_success(self, dag_id: str, run_id: str, timeout: float) -> None:
        """Wait until a run has succeeded.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param timeout: seconds
        :raises AirflowError: if it has not, with the logs of the tasks that failed
        :raises TimeoutError: when it has not ended by then
        """
        state = self.wait_for_run(dag_id, run_id, timeout)
        if state != "success":
            failed = [task for task in self.task_instances(dag_id, run_id) if task["state"] == "failed"]
            logs = [
                self.task_log(dag_id, run_id, task["task_id"], task["try_number"], task["map_index"]) for task in failed
            ]
            raise AirflowError("\n".join([f"{dag_id} {run_id} ended as {state}.", *logs]))

    def check(self) -> None:
        """Raise if there is no use in waiting any longer: for subclasses."""

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """All task instances of a run, as the API tells them; mapped ones each.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        """
        found: list[dict[str, Any]] = []
        while True:
            path = f"{_run_path(dag_id, run_id)}/taskInstances?limit=100&offset={len(found)}"
            answer = self.api("GET", path)
            found += answer["task_instances"]
            if not answer["task_instances"] or len(found) >= answer["total_entries"]:
                return found

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """Read what a task pushed.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param task_id: the task's id
        :param key: the XCom's key
        :param map_index: which of a mapped task's instances
        """
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/xcomEntries/{_quoted(key)}"
        return self.api("GET", f"{path}?map_index={map_index}&stringify=false")["value"]

    def task_log(self, dag_id: str, run_id: str, task_id: str, try_number: int = 1, map_index: int = -1) -> str:
        """Read the log of one try of a task.

        :param dag_id: the DAG's id
        :param run_id: the run's id
        :param task_id: the task's id
        :param try_number: which try, from 1
        :param map_index: which of a mapped task's instances
        """
        path = f"{_run_path(dag_id, run_id)}/taskInstances/{_quoted(task_id)}/logs/{try_number}"
        content = self.api("GET", f"{path}?map_index={map_index}&full_content=true")["content"]
        return "\n".join(_log_line(event) for event in content)

    def _log_in(self) -> str:
        body = {"username": self.user, "password": self.password}
        self._token = str(self._request("POST", "/auth/token", body, None)["access_token"])
        return self._token

    def _request(self, method: str, path: str, body: Any, token: str | None) -> Any:
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            reason = error.read().decode(errors="replace")
            raise AirflowError(f"{method} {path}: {error.code} {reason}", error.code) from None
        except OSError as error:
            raise AirflowError(f"{method} {path}: no answer: {error}") from None
        return json.loads(text) if text else None


def _time(text: str) -> datetime:
    # Python 3.10 knows no Z.
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def _run_path(dag_id: str, run_id: str) -> str:
    return f"/api/v2/dags/{_quoted(dag_id)}/dagRuns/{_quoted(run_id)}"


def _log_line(event: Any) -> str:
    if not isinstance(event, dict):
        return str(event)
    further = [
        value if isinstance(value, str) else json.dumps(value)
        for name, value in event.items()
        if name == "error_detail" or name == "sources"
    ]
    line = " ".join(str(event[name]) for name in ("timestamp", "level", "event") if event.get(name))
    return "\n  ".join([line, *further])
