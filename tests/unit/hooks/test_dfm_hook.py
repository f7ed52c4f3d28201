from __future__ import annotations

from airflow.sdk import Connection

from airflow_provider_dfm.hooks.dfm import DfmHook


def test_a_session_that_is_opened_anew_goes_by_what_the_connection_says_then(monkeypatch):
    def connect(kit):
        connection = Connection(conn_id="changing", conn_type="dfm", login="a", extra=f'{{"startup_kit": "{kit}"}}')
        monkeypatch.setenv("AIRFLOW_CONN_CHANGING", connection.as_json())

    connect("/first")
    hook = DfmHook("changing")
    assert hook.settings.startup_kit == "/first"
    connect("/second")
    assert hook.settings.startup_kit == "/first", "not asked for each command"
    hook.close()
    assert hook.settings.startup_kit == "/second"
