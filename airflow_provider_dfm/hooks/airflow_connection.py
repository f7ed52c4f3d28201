"""A connection as Airflow has it: where it is looked for, and how what it says is read."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from airflow_provider_dfm.federation.errors import ConnectionNotFound, ConnectionSettingsError
from airflow_provider_dfm.federation.settings import FORMER_NAMES
from airflow_provider_dfm.hooks.locations import airflow_home

# Which kind of process this is: airflow/sdk/execution_time/supervisor.py, ensure_secrets_backend_loaded
CONTEXT = "_AIRFLOW_PROCESS_CONTEXT"
# A signal handler may come here inside of it.
_looking = threading.RLock()
# JSON in JSON in JSON is somebody's odd tool; more is nobody's.
MOST_LAYERS = 3
WANTED = 'It has to hold the fields by name: {"startup_kit": "/path/to/kit", "python": "/path/to/python"}.'


def find_connection(ask: Callable[[str], Any], conn_id: str) -> Any:
    """The connection, wherever Airflow has it: a plain script finds those of Airflow's database too.

    :param ask: asks Airflow for a connection; ``BaseHook.get_connection``.
    :param conn_id: its id.
    :raises ConnectionNotFound: Airflow gives none of this name.
    """
    # Threads of a plain script must not take another's CONTEXT for the process's own.
    with contextlib.nullcontext() if _is_supervised() else _looking:
        try:
            return ask(conn_id)
        except AirflowNotFoundException as error:
            if _is_supervised() or CONTEXT in os.environ:
                raise _not_found(conn_id, error) from error
        return _find_in_database(ask, conn_id)


def _find_in_database(ask: Callable[[str], Any], conn_id: str) -> Any:
    # As Airflow's own commands do: airflow/cli/commands/connection_command.py. It stays so, since Airflow itself looks
    # up the connections of the stores that this one names.
    os.environ[CONTEXT] = "server"
    try:
        return ask(conn_id)
    except AirflowNotFoundException as error:
        del os.environ[CONTEXT]
        raise _not_found(
            conn_id,
            error,
            f" This process is no task of Airflow's: it looked in its own environment and in the database of the "
            f"Airflow whose home is {airflow_home()}. Run it with the AIRFLOW_HOME and the AIRFLOW__ variables of your "
            f"Airflow, or put the connection into the variable AIRFLOW_CONN_{conn_id.upper()}.",
        ) from error


def _not_found(conn_id: str, error: Exception, where: str = "") -> ConnectionNotFound:
    # Airflow says so of every fault of its API, database and secrets backends too:
    # airflow/sdk/execution_time/context.py, _get_connection.
    return ConnectionNotFound(
        f"Airflow gives no connection {conn_id!r}: {error}. Either there is none of this name, or it is no valid JSON "
        "or URI, or Airflow's API, its database or its secrets backend did not answer, which Airflow does not tell "
        f"apart. Look whether the connection is there; if it is, try again.{where}"
    )


def _is_supervised() -> bool:
    """Whether this process runs tasks or triggers: they ask their supervisor, and must not go past it."""
    task_runner = sys.modules.get("airflow.sdk.execution_time.task_runner")
    return getattr(task_runner, "SUPERVISOR_COMMS", None) is not None


def connection_fields(connection: Any, source: str) -> dict[str, Any]:
    """The fields of a connection, whose secrets are kept out of logs from now on.

    :param connection: Airflow's object.
    :param source: what to call it in an error.
    :return: name to value, with the login as ``user``.
    :raises ConnectionSettingsError: its ``extra`` is no JSON, or no object.
    """
    fields = _opened(connection.extra, source)
    # By the names that Airflow takes for secrets'.
    mask_secret(fields)
    for name in (*FORMER_NAMES, *FORMER_NAMES.values()):
        kit = fields.get(name)
        if isinstance(kit, str):
            # As the session has it, and as it is in `extra`, which knows no line ends. Not each line of it: Airflow
            # takes minutes to learn so many secrets.
            mask_secret([kit, kit.strip(), json.dumps(kit.strip())[1:-1]])
    return fields if fields.get("user") else fields | {"user": connection.login}


def _opened(extra: Any, source: str) -> dict[str, Any]:
    """What ``extra`` says; JSON that was packed into JSON once more than needed is clear enough."""
    value = extra
    for _ in range(MOST_LAYERS):
        if value is None or (isinstance(value, str) and not value.strip()):
            return {}
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value.strip().lstrip("\ufeff"))
        except ValueError as error:
            # Not the text itself, which may be a secret.
            raise ConnectionSettingsError(
                f"{source}: extra is not JSON ({getattr(error, 'msg', error)}). {WANTED}"
            ) from None
        except RecursionError:
            raise ConnectionSettingsError(f"{source}: extra is nested too deep. {WANTED}") from None
    if not isinstance(value, Mapping):
        kind = "a list" if isinstance(value, list) else f"of type {type(value).__name__}"
        raise ConnectionSettingsError(f"{source}: extra is {kind} and not a JSON object. {WANTED}")
    return dict(value)
