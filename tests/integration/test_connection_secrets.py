"""A startup kit that is kept in a connection, and who may read it there: on a real Airflow."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess

import pytest

from airflow_provider_dfm.get_provider_info import get_provider_info
from demo.demonstration import AIRFLOW_BIN

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

DAG = "shows_its_kit"


@pytest.fixture(scope="module")
def kit(federation, tmp_path_factory):
    """The user's kit as text."""
    with open(
        shutil.make_archive(str(tmp_path_factory.mktemp("kit") / "kit"), "zip", federation.startup_kit), "rb"
    ) as file:
        return base64.b64encode(file.read()).decode()


@pytest.fixture(scope="module")
def sealed(airflow, fields, kit):
    """The Airflow, with the kit in the connection ``sealed``, and in ``sealed_before`` under the former name."""
    for name, field in (("sealed", "startup_kit_secret"), ("sealed_before", "startup_kit_content")):
        extra = fields(**{"startup_kit": "", field: kit})
        airflow.add_connection(name, "dfm", login=extra.pop("user"), extra=extra)
    return airflow


def _get(airflow, path):
    return json.dumps(airflow.api("GET", path))


def test_the_rest_api_does_not_give_the_kit(sealed, kit):
    one = sealed.api("GET", "/api/v2/connections/sealed")
    assert json.loads(one["extra"])["startup_kit_secret"] == "***"
    assert json.loads(one["extra"])["federation"] == "weather"
    listed = sealed.api("GET", "/api/v2/connections?connection_id_pattern=sealed")["connections"]
    assert [kit in json.dumps(connection) for connection in listed if connection["connection_id"] == "sealed"] == [
        False
    ]
    # What the new name is for.
    assert kit in _get(sealed, "/api/v2/connections/sealed_before").replace("\\", "")


def test_airflows_events_do_not_have_the_kit(sealed, kit):
    body = sealed.api("GET", "/api/v2/connections/sealed")
    body["extra"] = json.dumps(json.loads(body["extra"]) | {"startup_kit_secret": kit})
    sealed.api(
        "PATCH",
        "/api/v2/connections/sealed",
        {name: body[name] for name in ("connection_id", "conn_type", "login", "extra")},
    )
    events = _get(sealed, "/api/v2/eventLogs?limit=100&order_by=-when")
    assert "startup_kit_secret" in events
    assert kit not in events


def test_a_form_that_is_saved_keeps_the_kit_and_a_task_that_shows_it_shows_stars(sealed, kit):
    shown = sealed.api("GET", "/api/v2/connections/sealed")
    form = {name: shown[name] for name in ("connection_id", "conn_type", "login", "extra")}
    sealed.api("PATCH", "/api/v2/connections/sealed", form)
    # The form's Test button.
    assert sealed.api("POST", "/api/v2/connections/test", form)["status"] is True
    run = sealed.trigger(DAG)
    sealed.wait_for_success(DAG, run, 180)
    for index, former in enumerate((False, True)):
        log = sealed.task_log(DAG, run, "show", 1, map_index=index)
        assert "the kit is ***" in log
        assert "the test says True" in log
        assert kit not in log
        assert ("the field startup_kit_content is now called startup_kit_secret" in log) is former


def test_the_command_line_shows_the_kit_to_those_who_may_read_the_database(sealed, kit, tmp_path):
    def run(*command):
        command = [str(AIRFLOW_BIN / "airflow"), "connections", *command]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=sealed.environment).stdout

    exported = tmp_path / "exported.json"
    assert kit not in run("export", str(exported))
    connection = json.loads(exported.read_text())["sealed"]
    # As each password: it is what `airflow connections import` reads in another Airflow.
    assert json.loads(connection["extra"])["startup_kit_secret"] == kit
    again = tmp_path / "again.json"
    again.write_text(json.dumps({"sealed_again": connection}))
    assert kit not in run("import", str(again))
    assert kit not in run("list")
    # Nor is it in the command line, which Airflow keeps where its API shows it.
    events = _get(sealed, "/api/v2/eventLogs?limit=100&order_by=-when&event=cli_connections_import")
    assert str(again) in events
    assert kit not in events
    sealed.api("DELETE", "/api/v2/connections/sealed_again")


def test_the_form_hides_each_field_whose_content_airflow_hides(sealed):
    fields = get_provider_info()["connection-types"][0]["conn-fields"]
    hidden = {name for name, field in fields.items() if field["schema"].get("format") == "password"}
    extra = dict.fromkeys(fields, "shown")
    sealed.add_connection("all_fields", "dfm", extra=extra)
    given = json.loads(sealed.api("GET", "/api/v2/connections/all_fields")["extra"])
    assert {name for name, value in given.items() if value == "***"} == hidden == {"startup_kit_secret"}
    sealed.api("DELETE", "/api/v2/connections/all_fields")
