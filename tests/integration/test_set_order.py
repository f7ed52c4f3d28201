"""A pipeline is the same job in every process, whatever order its Python has sets in."""

from __future__ import annotations

import json
import uuid
from contextlib import ExitStack

import pytest

from airflow_provider_dfm.federation.errors import JobContentConflict
from airflow_provider_dfm.federation.job_identity import JobIdentity, is_same_content
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.submit_once import Claim

pytestmark = pytest.mark.federation

TWO_SITES = {"candidates": ["seattle", "san_francisco"]}
MEASURED = {"city": "oslo", "sensor": "wind", "hours": 3}
# Which order a set of texts has, the seed decides: with these, sites and fields come in four different orders.
SEEDS = (9, 6, 5, 3)


@pytest.fixture(scope="module")
def other_hosts(local_fields, tmp_path_factory):
    """The federation's interpreter as on as many other machines: one that has sets in another order each."""
    folder = tmp_path_factory.mktemp("interpreters")

    def interpreter(seed):
        path = folder / f"python-{seed}"
        path.write_text(f'#!/bin/sh\nPYTHONHASHSEED={seed} exec "{local_fields()["python"]}" "$@"\n')
        path.chmod(0o700)
        return str(path)

    return [interpreter(seed) for seed in SEEDS]


def open_session(fields, results):
    return FederationSession(read_settings(fields | {"results_path": str(results)}, "test"))


@pytest.fixture(scope="module")
def everywhere(other_hosts, local_fields, tmp_path_factory):
    """A session of the local target on each of these hosts."""
    results = tmp_path_factory.mktemp("results")
    with ExitStack() as stack:
        yield [stack.enter_context(open_session(local_fields(python=python), results)) for python in other_hosts]


@pytest.fixture
def claim():
    return Claim(JobIdentity("test", "dag", "run", "task", -1, str(uuid.uuid4()), 1))


@pytest.mark.parametrize(
    ("pipeline", "arguments", "sites"),
    [
        ("unnamed_site", TWO_SITES, ("san_francisco",)),
        ("sites_of_a_set", None, ("san_francisco",)),
        ("crossing", None, ("san_francisco", "seattle")),
        ("measure", None, ("san_francisco", "seattle")),
        ("shared_place", None, ("san_francisco", "seattle")),
    ],
)
def test_a_pipeline_is_prepared_alike_on_every_host(everywhere, pipeline, arguments, sites):
    prepared = [session.prepare(f"trial_pipelines:{pipeline}", pipeline_arguments=arguments) for session in everywhere]
    assert {one.sites for one in prepared} == {sites}
    assert len({one.fingerprint for one in prepared}) == 1
    codes = [session.debug_show_code(one) for session, one in zip(everywhere, prepared, strict=True)]
    assert all(code == codes[0] for code in codes)


def test_a_pipeline_that_asks_for_advice_is_prepared_alike_on_every_host(everywhere):
    asked = {"pipeline_arguments": {"how": "nothing"}}
    prepared = [session.prepare_discovery("trial_pipelines:advise", **asked) for session in everywhere]
    codes = [session.debug_show_code(one) for session, one in zip(everywhere, prepared, strict=True)]
    assert all(code == codes[0] for code in codes)


@pytest.mark.parametrize(
    ("pipeline", "arguments", "sets"),
    [
        ("unnamed_site", TWO_SITES, {"value": 1}),
        ("sites_of_a_set", None, {"value": 1}),
        ("crossing", None, MEASURED),
        ("literal_sets", None, {"value": 1}),
    ],
)
def test_a_job_has_the_same_content_on_every_host(everywhere, pipeline, arguments, sets):
    contents = set()
    for session in everywhere:
        job = session.execute(f"trial_pipelines:{pipeline}", sets, pipeline_arguments=arguments)
        contents.add(job.get_job_meta().note.content.split()[0])
        job.cancel()
    assert len(contents) == 1


def test_the_order_of_the_sites_that_a_pipeline_may_use_does_not_matter(everywhere):
    def fingerprint(*sites):
        given = {"restrict_to_sites": list(sites) or None, "pipeline_arguments": TWO_SITES}
        return everywhere[0].prepare("trial_pipelines:unnamed_site", **given).fingerprint

    either_way = {fingerprint("seattle", "san_francisco"), fingerprint("san_francisco", "seattle", "seattle")}
    assert len(either_way) == 1
    assert fingerprint() not in either_way


def test_a_pipeline_that_the_release_before_kept_does_what_the_pipeline_itself_does(everywhere, tmp_path):
    session = everywhere[0]
    pipeline = session.prepare("trial_pipelines:crossing")
    kept = json.loads(session.keep_pipeline(pipeline).read_text())
    del kept["prepared_pipeline"]["given"]
    before = tmp_path / "kept.json"
    before.write_text(json.dumps(kept))
    jobs = [session.execute(one, MEASURED) for one in (pipeline, session.prepare(str(before)))]
    given, made = (job.get_job_meta().note.content for job in jobs)
    assert is_same_content(given, made)
    assert made == given.split()[1]
    for job in jobs:
        job.cancel()


def test_a_pipeline_function_that_goes_through_a_set_builds_the_same_pipeline_each_time(
    local_fields, tmp_path, monkeypatch
):
    fingerprints = set()
    for seed in SEEDS:
        monkeypatch.setenv("PYTHONHASHSEED", str(seed))
        with open_session(local_fields(), tmp_path) as session:
            fingerprints.add(session.prepare("trial_pipelines:cities_of_a_set").fingerprint)
    assert len(fingerprints) == 1


def test_tries_on_other_hosts_find_the_job_of_the_first(other_hosts, fields, claim, tmp_path):
    made = fields(federation="trials")
    given = {"pipeline_arguments": TWO_SITES, "claim": claim}
    jobs = []
    for python in other_hosts:
        with open_session(made | {"python": python}, tmp_path / "results") as session:
            job = session.execute("trial_pipelines:unnamed_site", {"value": 1}, **given)
            assert job.wait_until_finished(timeout=120)
            assert [result.value for result in job.results()] == [1]
            jobs.append(job.job_id)
            with pytest.raises(JobContentConflict):
                session.execute("trial_pipelines:unnamed_site", {"value": 2}, **given)
    assert len(set(jobs)) == 1
