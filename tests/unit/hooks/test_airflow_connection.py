"""What Airflow's connections say, and where they are found."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection
from airflow.sdk._shared.secrets_masker import redact, reset_secrets_masker
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.execution_time import task_runner

from airflow_provider_dfm.federation.errors import ConnectionNotFound, ConnectionSettingsError
from airflow_provider_dfm.hooks.airflow_connection import CONTEXT, find_connection
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_watch import JobWatch

FIELDS = {"startup_kit": "/kit", "secure_mode": "false"}
KEY = "UEsDBBQAAAAIAHJhdGhlciBzZWNyZXQ"


@pytest.fixture
def settings(monkeypatch):
    """What a hook makes of a connection that is an environment variable with this ``extra``."""

    def read(extra, login="analyst"):
        monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps({"conn_type": "dfm", "login": login, "extra": extra}))
        return DfmHook("odd").settings

    return read


@pytest.mark.parametrize("layers", range(4))
def test_extra_that_is_json_in_json_is_read(settings, layers):
    extra = FIELDS
    for _ in range(layers):
        extra = json.dumps(extra)
    read = settings(extra)
    assert (read.user, read.startup_kit, read.secure_mode) == ("analyst", "/kit", False)


@pytest.mark.parametrize("extra", ["\ufeff" + json.dumps(FIELDS), f"\r\n {json.dumps(FIELDS, indent=1)}\r\n "])
def test_extra_with_what_an_editor_put_around_it_is_read(settings, extra):
    assert settings(extra).startup_kit == "/kit"


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ([FIELDS], "a list"),
        ("[1, 2]", "a list"),
        (json.dumps("[1, 2]"), "a list"),
        ("7", "of type int"),
        ("true", "of type bool"),
        (json.dumps(json.dumps(json.dumps(json.dumps(FIELDS)))), "of type str"),
        (f"startup_kit_secret={KEY}", "not JSON"),
        (f"{{'startup_kit_secret': '{KEY}'}}", "not JSON"),
        (json.dumps(f"{{{KEY}"), "not JSON"),
        (json.dumps('{"connect_timeout": ' + "1" * 5000 + "}"), "not JSON"),
        (json.dumps("[" * 200_000), "nested too deep"),
    ],
)
def test_extra_that_holds_no_fields_is_refused_by_the_connections_name(settings, extra, what):
    with pytest.raises(ConnectionSettingsError, match=f"Connection 'odd': extra is {what}") as caught:
        settings(extra)
    assert KEY not in str(caught.value)


def test_the_shared_poll_is_told_of_it_by_the_connections_name(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ODD", json.dumps({"conn_type": "dfm", "login": "analyst", "extra": "[1, 2]"}))
    snapshot = JobWatch(DfmHook("odd"), worked_before=False).poll(["1"])
    assert snapshot.permanent == "ConnectionSettingsError"
    assert snapshot.fault.startswith("Connection 'odd': extra is a list and not a JSON object.")


@pytest.mark.parametrize("extra", ["", " ", "null", '"null"', None, {}])
def test_without_extra_the_fields_are_missing(settings, extra):
    with pytest.raises(ConnectionSettingsError, match="one of startup_kit and startup_kit_secret"):
        settings(extra)


def test_a_field_user_that_is_blank_leaves_the_login(settings):
    assert settings(FIELDS | {"user": None}).user == "analyst"
    assert settings(FIELDS | {"user": "other"}).user == "other"


@pytest.mark.parametrize("name", ["startup_kit_secret", "startup_kit_content"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_kit_in_a_connection_is_masked_in_logs(settings, name):
    reset_secrets_masker()
    settings(json.dumps(json.dumps({name: KEY})))
    assert KEY not in redact(f"see {KEY}")


@pytest.mark.parametrize("name", ["startup_kit_secret", "startup_kit_content"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_kit_in_several_lines_is_masked_as_a_session_and_as_extra_have_it(settings, name):
    reset_secrets_masker()
    lines = f"{KEY}\n{KEY[::-1]}\n"
    settings({name: lines})
    for shown in (lines, lines.strip(), json.dumps({"other": lines})):
        assert KEY not in redact(f"see {shown}")


def test_a_connection_as_a_uri(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_ODD", "dfm://analyst@/?startup_kit=%2Fkit&secure_mode=false&connect_timeout=5")
    read = DfmHook("odd").settings
    assert (read.user, read.startup_kit, read.secure_mode, read.connect_timeout) == ("analyst", "/kit", False, 5.0)


def _missing(conn_id):
    raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")


def test_a_task_does_not_go_past_its_supervisor(monkeypatch):
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", SimpleNamespace(), raising=False)
    asked = []
    with pytest.raises(ConnectionNotFound) as caught:
        find_connection(lambda conn_id: (asked.append(conn_id), _missing(conn_id)), "nowhere")
    assert asked == ["nowhere"]
    assert "AIRFLOW_HOME" not in str(caught.value)
    assert CONTEXT not in os.environ


def test_a_process_that_airflow_knows_is_taken_as_what_it_is(monkeypatch):
    monkeypatch.setenv(CONTEXT, "client")
    with pytest.raises(ConnectionNotFound):
        find_connection(_missing, "nowhere")
    assert os.environ[CONTEXT] == "client"


def test_a_plain_script_is_told_where_was_looked(monkeypatch):
    monkeypatch.setenv("AIRFLOW_HOME", "/home/of/airflow")
    with pytest.raises(ConnectionNotFound, match=r"home is /home/of/airflow.*AIRFLOW_CONN_NOWHERE\.$"):
        find_connection(_missing, "nowhere")
    assert CONTEXT not in os.environ


def test_a_thread_finds_its_connection_while_another_looks_for_one_that_is_nowhere(monkeypatch):
    # What is put into the environment goes with the test.
    monkeypatch.setenv(CONTEXT, "server")
    monkeypatch.delenv(CONTEXT)
    asked_database, done = threading.Event(), threading.Event()

    def ask_for_nothing(conn_id):
        if CONTEXT in os.environ:
            asked_database.set()
            done.wait(30)
        _missing(conn_id)

    def look_for_nothing():
        with contextlib.suppress(ConnectionNotFound):
            find_connection(ask_for_nothing, "nowhere")

    other = threading.Thread(target=look_for_nothing)

    def ask(conn_id):
        if CONTEXT in os.environ:
            return "found"
        other.start()
        # The other one comes as far as that only where it may do so meanwhile.
        asked_database.wait(1)
        return _missing(conn_id)

    try:
        assert find_connection(ask, "of_database") == "found"
    finally:
        done.set()
        other.join()


SCRIPT = """
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_watch import JobWatch
print("user:", DfmHook("of_database").settings.user)
"""


@pytest.mark.airflow
def test_a_plain_script_finds_a_connection_of_airflows_database(database):
    connection = Connection(conn_id="of_database", conn_type="dfm", login="analyst", extra=json.dumps(FIELDS))
    command = [sys.executable, "-m", "airflow", "connections", "add", "of_database", "--conn-json"]
    subprocess.run([*command, connection.as_json()], check=True, capture_output=True, timeout=120)
    found = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120)
    assert "user: analyst" in found.stdout, found.stderr
