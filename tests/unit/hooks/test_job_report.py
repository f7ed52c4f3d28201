from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    FederationUnreachable,
    JobAborted,
    ResultsIncomplete,
    WorkFailed,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import CUSTOM_PROPERTY
from airflow_provider_dfm.federation.tokens import AdapterError
from airflow_provider_dfm.hooks.job_report import SHOWN_CHARACTERS, SHOWN_REASONS, explain

LOG = logging.getLogger("test")
RAISED = """\
2026-11-24 18:33:40,918 - ClientRunner - ERROR - Traceback (most recent call last):
  File "client_runner.py", line 313, in _do_process_task
RuntimeError: no data here
"""
SERVER_LOG = """\
2026-11-24 18:33:41,662 - ServerRunner - INFO - [identity=poc, run=1] - got result
2026-11-24 18:33:41,663 - ServerRunner - ERROR - [identity=poc, run=1] - Aborting current RUN
"""


class Federation:
    """Stands in for a hook that knows an ended job."""

    def __init__(self, deployed, status="FINISHED:EXECUTION_EXCEPTION", **meta):
        self.settings = SimpleNamespace(target="flare")
        detail = [f"{site}: {detail}" if detail else site for site, detail in deployed.items()]
        self.meta = JobMeta(job_id="1", status=status, job_deploy_detail=detail, **meta)
        self.server_log = {"logs": {"server": SERVER_LOG}, "unavailable": {}}
        self.error_logs = {}
        self.unreadable = {}
        self.operations = []
        self.closed = 0

    def get_job_meta(self, job_id):
        return self.meta

    def ask(self, method, **options):
        answer = self.server_log
        if method == "get_error_logs":
            answer = {"logs": {site: self.error_logs.get(site, "") for site in options["sites"]}}
            answer["unavailable"] = self.unreadable
        if isinstance(answer, Exception):
            raise answer
        return answer

    def results(self, job_id):
        return SimpleNamespace(outcome=SimpleNamespace(errors=self.operations))

    def close(self):
        self.closed += 1


def explained(federation, message="Job 1 failed.", **options):
    return str(explain(WorkFailed(message), federation, "1", LOG, **options))


@pytest.fixture(autouse=True)
def level(caplog):
    caplog.set_level(logging.INFO)


def test_the_error_begins_with_what_each_site_raised():
    federation = Federation({"server": "OK", "seattle": "OK", "san_francisco": "OK"})
    federation.error_logs = {"seattle": RAISED}
    assert explained(federation) == "site seattle: RuntimeError: no data here. Job 1 failed."


def test_or_with_what_the_server_did_where_no_site_raised_anything():
    assert explained(Federation({"server": "OK", "seattle": "OK"})) == (
        "the server: Aborting current RUN. Job 1 failed."
    )


def test_the_log_has_first_what_failed_then_what_followed_from_it_and_nothing_of_the_shut_down(caplog):
    federation = Federation({"server": "OK", "seattle": "OK"}, custom_props={CUSTOM_PROPERTY: {"parameter_sets": 1}})
    federation.error_logs = {"seattle": RAISED}
    trace = '  File "adapter.py", line 7, in body\nRuntimeError: no data'
    federation.operations = [
        AdapterError(parameter_set=0, site="san_francisco", type="RuntimeError", message="no data", trace=trace)
    ]
    explained(federation)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", 'san_francisco |   File "adapter.py", line 7, in body'),
        ("ERROR", "san_francisco | RuntimeError: no data"),
        *(("ERROR", f"seattle | {line}") for line in RAISED.splitlines()),
        ("ERROR", f"server | {SERVER_LOG.splitlines()[1]}"),
    ]


def test_where_nobody_says_what_failed_the_end_of_the_servers_log_may_tell(caplog):
    federation = Federation({"server": "OK"})
    federation.server_log = {"logs": {"server": SERVER_LOG.splitlines()[0]}}
    explained(federation)
    assert caplog.messages == [f"server | {SERVER_LOG.splitlines()[0]}"]


def test_the_end_of_the_servers_log_is_left_out_where_an_operation_failed(caplog):
    federation = Federation({"server": "OK"}, custom_props={CUSTOM_PROPERTY: {"parameter_sets": 1}})
    federation.operations = [
        AdapterError(parameter_set=0, site="seattle", type="RuntimeError", message="no", trace="RuntimeError: no")
    ]
    federation.server_log = {"logs": {"server": SERVER_LOG.splitlines()[0]}}
    explained(federation)
    assert caplog.messages == ["seattle | RuntimeError: no"]


def test_what_was_shown_before_is_not_shown_again(caplog):
    assert "Aborting current RUN" in explained(Federation({"server": "OK"}), shown_lines=SERVER_LOG.splitlines()[1:])
    assert explained(Federation({"server": "OK"}), shown_lines=[])
    assert caplog.messages == [f"server | {SERVER_LOG.splitlines()[1]}"]


def test_of_a_job_that_was_aborted_nothing_is_told_since_all_follows_from_that(caplog):
    federation = Federation({"server": "OK", "seattle": "OK"}, status="FINISHED:ABORTED")
    federation.error_logs = {"seattle": "RuntimeError: Event loop stopped before Future completed."}
    error = JobAborted("somebody aborted it")
    assert explain(error, federation, "1", LOG) is error
    assert caplog.messages == []


def test_a_site_that_the_job_was_not_brought_to_is_told_with_its_reason(caplog):
    federation = Federation({"server": "OK", "seattle": "BYOC not permitted"}, status="FINISHED:FAILED_TO_RUN")
    explained(federation)
    assert ("ERROR", "seattle | deployed: BYOC not permitted") in [
        (record.levelname, record.getMessage()) for record in caplog.records
    ]


def test_what_the_error_says_already_is_not_said_twice():
    federation = Federation({"server": "OK", "seattle": "OK", "san_francisco": "OK"})
    federation.error_logs = {"seattle": RAISED, "san_francisco": RAISED}
    message = "Job 1 failed: site seattle: RuntimeError: no data here."
    assert explained(federation, message) == message


def test_many_long_reasons_are_cut():
    names = [f"site_{number}" for number in range(20)]
    federation = Federation(dict.fromkeys(names, "OK"))
    federation.error_logs = dict.fromkeys(names, "x" * 1000)
    message = explained(federation)
    assert message.endswith("and 15 more. Job 1 failed.")
    assert len(message) < SHOWN_REASONS * (SHOWN_CHARACTERS + 100)


def test_a_site_whose_log_cannot_be_read_is_told(caplog):
    federation = Federation({"server": "OK", "seattle": "OK"})
    federation.unreadable = {"seattle": "no reply from client - timed out"}
    explained(federation)
    assert "seattle | its log cannot be read: no reply from client - timed out" in caplog.messages


def test_a_servers_log_that_takes_too_long_leaves_the_sites_to_be_asked():
    federation = Federation({"server": "OK", "seattle": "OK"})
    federation.server_log = CommandTimedOut("no reply within 20 s")
    federation.error_logs = {"seattle": RAISED}
    assert explained(federation) == "site seattle: RuntimeError: no data here. Job 1 failed."
    assert federation.closed == 1


def test_a_federation_that_is_away_does_not_hide_the_error(caplog):
    federation = Federation({"server": "OK"})
    federation.server_log = FederationUnreachable("gone")
    assert explained(federation) == "Job 1 failed."
    assert "Why job 1 failed cannot be asked now: FederationUnreachable: gone" in caplog.messages


def test_the_error_keeps_its_class():
    federation = Federation({"server": "OK"})
    assert isinstance(explain(ResultsIncomplete("Results are missing."), federation, "1", LOG), ResultsIncomplete)
