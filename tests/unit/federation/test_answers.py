"""Answers that no server gives today, so a stand-in gives them: each is an error with the request's name."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dfm.federation.errors import (
    FederationError,
    JobMetaError,
    JobNotRunning,
    ResultsIncomplete,
    UnreadableAnswer,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_sites import job_sites
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.sending import Sending, send
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.tokens import TokensRead

from .tokens import end, meta, token, write_job

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
REQUESTS = {
    "get_system_info": lambda session: session.get_system_info(),
    "list_jobs": lambda session: session.list_jobs(),
    "get_job_meta": lambda session: session.get_job_meta(JOB),
    "get_job_logs": lambda session: session.get_job_logs(JOB),
    "clone_job": lambda session: session.clone_job(JOB),
    "read_tokens": lambda session: session.read_tokens(JOB, 0),
    "federation_api": lambda session: session.describe_federation(),
    "prepare": lambda session: session.prepare({"body": []}),
    "get_client_job_status": lambda session: session.get_client_job_status(),
}


@pytest.fixture
def session(monkeypatch):
    """A session that is answered with what a test says."""

    def make(answer):
        fields = {"user": "a", "startup_kit": "/nowhere", "federation": "weather", "homesite": "analyst"}
        made = FederationSession(read_settings(fields, "x"))
        monkeypatch.setattr(made._session, "ask", lambda method, *timeout, **arguments: answer)
        return made

    return make


ODD = (7, "odd", ["odd"], {"logs": [1]})
# A list leaves out what is no job.
FIT = [("list_jobs", ["odd"]), ("clone_job", "odd")]


@pytest.mark.parametrize(
    ("request_name", "answer"), [(name, answer) for name in REQUESTS for answer in ODD if (name, answer) not in FIT]
)
def test_an_answer_that_does_not_fit_is_an_error_with_the_requests_name(session, request_name, answer):
    with pytest.raises(UnreadableAnswer, match=rf"answer to {request_name}\b.* cannot be read") as caught:
        REQUESTS[request_name](session(answer))
    assert len(str(caught.value)) < 1000
    assert "validation error" not in str(caught.value)


@pytest.mark.parametrize(
    "answer", [{}, {"first": "x", "count": 1}, {"first": 0, "count": 10**12}, {"first": -1, "count": 1}, 5]
)
def test_what_a_job_says_of_the_sets_that_it_was_sent_is_checked(answer):
    note = {"parameter_sets": 1, "open": True}
    running = JobMeta(job_id=JOB, status="RUNNING", custom_props={"airflow_provider_dfm": note})
    with pytest.raises(UnreadableAnswer):
        _send(running, answer)


@pytest.mark.parametrize("operation", ["os.system", "weather", "weather_of_others.fed.api.Statistics", ""])
def test_no_module_is_imported_that_a_job_names_and_the_federation_does_not_have(operation):
    taken = [{"operation": operation, "site": "", "field": "a"}]
    note = {"parameter_sets": 1, "open": True, "parameters": {"a": taken}}
    running = JobMeta(job_id=JOB, status="RUNNING", custom_props={"airflow_provider_dfm": note})
    with pytest.raises(JobMetaError, match="which is no operation of the federation"):
        _send(running, {"first": 1, "count": 1})


def _send(meta, answer):
    sending = Sending.of([{}], False, "key")
    return send(JOB, sending, lambda job_id: meta, lambda *a, **b: answer, lambda job_id: None, "weather")


def test_sets_that_came_have_the_indices_that_the_job_gave_them():
    taken = [{"operation": "weather.fed.api.temperature.Statistics", "site": "", "field": "a"}]
    note = {"parameter_sets": 1, "open": True, "parameters": {"a": taken}}
    running = JobMeta(job_id=JOB, status="RUNNING", custom_props={"airflow_provider_dfm": note})
    assert _send(running, {"first": 4, "count": 1}) == [4]


ODD_TOKENS = (
    "no json",
    "{}",
    "[]",
    '{"frame": 1}',
    "null",
    *(json.dumps(each) for each in (token(frame=[]), token(frame=["0"]), token(frame=[-1]), token(place=5))),
    json.dumps(token(node={})),
)


@pytest.mark.parametrize("line", ODD_TOKENS)
def test_a_job_that_gives_no_tokens_is_an_error_of_the_federation(line, tmp_path):
    read = TokensRead(text=f"{line}\n", position=9)
    live = LiveResults(lambda: meta("RUNNING"), lambda position: read, lambda: [])
    with pytest.raises(FederationError, match="something else than results"):
        live.look()
    job = write_job(tmp_path / "job")
    (job / "workspace" / "app_server" / "airflow_provider_dfm" / "tokens.jsonl").write_text(f"{line}\n")
    with pytest.raises(ResultsIncomplete, match="is no result that can be read"):
        read_downloaded_job(job, meta())


@pytest.mark.parametrize("failures", ["text", ["text"], {"seattle": ["died"]}])
def test_failures_in_another_form_are_an_error_of_the_federation(failures, tmp_path):
    job = write_job(tmp_path / "job", token(), end(), end("stop"), failures=failures)
    with pytest.raises(ResultsIncomplete, match=r"failures\.json cannot be read"):
        read_downloaded_job(job, meta())


@pytest.mark.parametrize(
    ("count", "places"), [(10**12, ("a",)), (10**6, ("a", "b")), (10**5 + 1, tuple("abcdefghij" * 10))]
)
def test_more_sets_than_can_have_been_sent_are_an_error_of_the_federation(count, places, tmp_path):
    job = write_job(tmp_path / "job")
    send_it = {"key": "a", "content": "b", "first": 0, "count": count, "stop": True}
    (job / "workspace" / "app_server" / "airflow_provider_dfm" / "sends.jsonl").write_text(json.dumps(send_it) + "\n")
    with pytest.raises(ResultsIncomplete, match="more than can be"):
        read_downloaded_job(job, meta(places=places))


def test_a_running_job_that_gives_the_same_for_ever_is_an_error_of_the_federation():
    live = LiveResults(lambda: meta("RUNNING"), lambda position: TokensRead(text="\n", position=0), lambda: [])
    with pytest.raises(FederationError, match="over and over"):
        live.look()


@pytest.mark.parametrize(
    "noted", ["text", {"seattle": "text"}, {"seattle": {"part": "text"}}, {"seattle": {"part": ["x"]}}]
)
def test_errors_that_a_job_noted_in_another_form_hide_nothing_else(noted):
    running = JobMeta(job_id=JOB, status="RUNNING", job_deploy_detail=["seattle: OK"])
    sites = job_sites(_Commands(noted), running, 5)
    assert sites["seattle"].state == "started"
    assert sites["seattle"].errors == []


class _Commands:
    def __init__(self, noted):
        self._noted = noted

    def get_client_job_status(self):
        return [{"job_id": JOB, "client_name": "seattle", "status": "started"}]

    def get_system_info(self):
        raise JobNotRunning("not known here")

    def ask(self, method, **options):
        return {}

    def show_errors(self, job_id):
        return self._noted
