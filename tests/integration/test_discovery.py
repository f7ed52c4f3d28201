"""What sites advise on the parameters of a pipeline, and that no advisor fails in silence."""

from __future__ import annotations

import uuid

import pytest

from airflow_provider_dfm.federation.discovery import read_discovery
from airflow_provider_dfm.federation.errors import DiscoveryFailed, PipelineError
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.submit_once import Claim

pytestmark = pytest.mark.federation

MEASURE = {"pipeline_arguments": {"mode": "discovery"}}
SETS = [
    {"city": city, "sensor": sensor, "hours": hours}
    for city, sensor in (("seattle", "rain"), ("seattle", "wind"), ("boston", "snow"))
    for hours in (1, 24)
]
HOURS = {"field": "hours", "options": [{"value": 1, "then": None}, {"value": 24, "then": None}]}


@pytest.fixture(scope="module")
def local(local_fields, tmp_path_factory):
    with FederationSession(
        read_settings(local_fields(), "test"), results_path=tmp_path_factory.mktemp("kept")
    ) as session:
        yield session


@pytest.fixture(scope="module", params=["local", "flare"])
def session(request, fields, tmp_path_factory):
    if request.param == "local":
        yield request.getfixturevalue("local")
        return
    settings = read_settings(fields(federation="trials"), "test")
    with FederationSession(settings, results_path=tmp_path_factory.mktemp("kept")) as session:
        yield session


def test_values_that_depend_on_each_other(session):
    discovery = session.discover("trial_pipelines:measure", **MEASURE, timeout=240, poll_interval=0.2)
    echo, measure = sorted(discovery.operations, key=lambda each: each.operation)
    assert (measure.operation, measure.site, echo.operation, echo.site) == (
        "trial.Measure", "seattle", "trial.Echo", "san_francisco"
    )  # fmt: skip
    assert measure.fields == {"city": ["seattle", "boston"], "sensor": ["rain", "wind", "snow"], "hours": [1, 24]}
    snow = {"field": "sensor", "options": [{"value": "snow", "then": HOURS}]}
    assert measure.advice["options"][1] == {"value": "boston", "then": snow}
    assert measure.combinations == SETS == discovery.parameter_sets
    assert (echo.advice, echo.fields, echo.combinations, discovery.errors) == (None, {}, [{}], [])


def test_an_advisor_that_raises_is_reported(session):
    with pytest.raises(DiscoveryFailed, match=r"site san_francisco.*AdviseBadly: RuntimeError: the advisor is out"):
        session.discover("trial_pipelines:advise", pipeline_arguments={"how": "raise"}, timeout=240, poll_interval=0.2)


@pytest.mark.parametrize(
    ("how", "fields", "message"),
    [
        ("refuse", None, "Tried to get JsonValue from error"),
        ("invalid", {}, "Expected one of ['snow'] but got wind"),
        ("nothing", {}, None),
        ("partly", {"value": [1]}, None),
    ],
)
def test_what_else_an_advisor_can_give(local, how, fields, message):
    arguments = {"how": how}
    discovery = local.discover(
        "trial_pipelines:advise", pipeline_arguments=arguments, on_error="list", timeout=60, poll_interval=0.2
    )
    found = {operation.site: operation for operation in discovery.operations}
    assert found["seattle"].combinations == [{"sensor": "snow", "hours": 1}, {"sensor": "snow", "hours": 24}]
    assert [error["message"].rpartition("Error: ")[2] for error in discovery.errors] == ([message] if message else [])
    assert ("san_francisco" in found) == (fields is not None)
    if how == "partly":
        assert found["san_francisco"].fields == fields
        assert found["san_francisco"].advice["options"] == [{"value": 1, "then": "partial"}]
    if how == "nothing":
        assert found["san_francisco"].advice is None


@pytest.mark.parametrize("partial", [False, True])
def test_who_comes_again_asks_again_unless_errors_are_good_enough(local, tmp_path, partial):
    claim = Claim(JobIdentity("test", "dag", "run", "task", -1, uuid.uuid4().hex, 1), partial=partial)
    jobs = []
    for _ in range(3):
        prepared = local.prepare_discovery(
            "trial_pipelines:advise", pipeline_arguments={"how": str(tmp_path / "asked")}
        )
        job = local.execute(prepared, claim=claim)
        assert job.wait_until_finished(60, 0.2)
        jobs.append((job.job_id, len(read_discovery(job.results()).errors)))
    first, second = claim.identity.job_id(0), claim.identity.job_id(1)
    assert jobs == ([(first, 1)] * 3 if partial else [(first, 1), (second, 0), (second, 0)])


def test_a_pipeline_of_the_other_mode_is_refused(local):
    with pytest.raises(PipelineError, match=r"has the mode discovery, not execute\. It asks for advice"):
        local.execute("trial_pipelines:measure", **MEASURE)
    with pytest.raises(PipelineError, match="has the mode execute, not discovery"):
        local.discover("trial_pipelines:measure")


def test_results_are_no_advice(local):
    job = local.execute("trial_pipelines:measure", SETS[0])
    assert job.wait_until_finished(60, 0.2)
    with pytest.raises(PipelineError, match="has results, no advice"):
        read_discovery(job.results())
