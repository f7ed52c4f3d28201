"""Dates in the arguments of functions and in a job's meta. The session host is one that keeps what it is asked."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pendulum
import pytest

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.federation.job_source import job_source
from airflow_provider_dfm.federation.pipeline import pipeline_source
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

JOB = Path(__file__).resolve().parents[2] / "federation" / "flare_jobs" / "sleep"
DATES = {
    "day": datetime.date(2010, 1, 1),
    "at": [datetime.datetime(2010, 1, 1), pendulum.datetime(2010, 1, 1, tz="UTC")],
    "time": {"of": datetime.time(12)},
}
TEXTS = {
    "day": "2010-01-01",
    "at": ["2010-01-01T00:00:00+00:00", "2010-01-01T00:00:00+00:00"],
    "time": {"of": "12:00:00"},
}


class Host:
    """Stands in for the session host."""

    def __init__(self, folder):
        self.folder = folder
        self.asked = {}

    def ask(self, method, timeout=None, **arguments):
        self.asked[method] = json.loads(json.dumps(arguments))
        if method == "read_meta_file":
            return {"file": "meta.json", "meta": json.loads((Path(arguments["folder"]) / "meta.json").read_text())}
        return arguments.get("folder")


@pytest.fixture
def host(tmp_path):
    return Host(tmp_path)


@pytest.fixture
def session(host, monkeypatch):
    made = FederationSession(read_settings({"user": "a", "startup_kit": "/nowhere"}, "x"))
    monkeypatch.setattr(made, "_session", host)
    return made


def test_those_of_a_pipeline_function_become_iso_text():
    assert pipeline_source("pipelines:compare", DATES)["arguments"] == TEXTS
    assert json.loads(pipeline_source({"body": DATES})["json"]) == {"body": TEXTS}


def test_those_of_a_job_function_too(host):
    job_source(host, "jobs:train", DATES)
    assert host.asked["export_job"]["arguments"] == TEXTS


def test_and_those_of_a_jobs_meta(session, host):
    session.submit_job(str(JOB), meta={"custom_props": DATES})
    meta = json.loads((Path(host.asked["submit_job"]["folder"]) / "meta.json").read_text())
    assert TEXTS.items() <= meta["custom_props"].items()


def test_what_cannot_travel_is_refused_by_the_arguments_name(session, host):
    with pytest.raises(ParameterSetError, match="Argument 'how' of the pipeline function, pipeline_arguments: a timed"):
        pipeline_source("pipelines:compare", {"how": datetime.timedelta(1)})
    with pytest.raises(ParameterSetError, match="Argument 'how' of the job function, job_arguments: a timedelta"):
        job_source(host, "jobs:train", {"how": datetime.timedelta(1)})
    with pytest.raises(ParameterSetError, match="Argument 'custom_props' of the job's meta: a timedelta cannot"):
        session.submit_job(str(JOB), meta={"custom_props": {"how": datetime.timedelta(1)}})


def test_a_discovery_takes_no_other_end_of_an_error_than_there_is(session):
    with pytest.raises(ValueError, match="on_error is 'ignore': give fail or list"):
        session.discover("pipelines:measure", on_error="ignore")
