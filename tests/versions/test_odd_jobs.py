"""Jobs of a stranger's with a meta.json that FLARE takes, and that fits nothing: nobody else is to notice."""

from __future__ import annotations

import json
import uuid

import pytest

from airflow_provider_dfm.federation.errors import FederationError, JobMetaError
from airflow_provider_dfm.federation.required_sites import RequiredSites
from airflow_provider_dfm.hooks.clone_once import CloneOnce
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.operators.flare import FlareListJobsOperator
from tests.unit.hooks.snapshots import statuses
from tests.versions.trial_jobs import claim_of_its_own, make_job

pytestmark = pytest.mark.federation

OURS = "airflow_provider_dfm"
ODD = {
    "a number": {"name": 2024, "custom_props": "text"},
    "a list": {"name": "odd list", "custom_props": ["text"], "min_clients": 1},
    "a forged note": {"name": "odd note", "custom_props": {OURS: "text"}},
    "forged sets": {"name": "odd sets", "custom_props": {OURS: {"parameter_sets": 10**12, "places": ["a"]}}},
    "what no database takes": {"name": "odd\0\ud800", "custom_props": {"half\ud800": float("nan")}, "failed": True},
    "times": {"name": "odd times", "last_schedule_time": "2026-01-01", "schedule_history": 5, "cloned_from": 7},
}


@pytest.fixture(scope="module")
def odd_jobs(session, jobs, tmp_path_factory):
    """Their ids, as nvflare's own session submits them; deleted at the end, for the tests of lists."""
    folder = tmp_path_factory.mktemp("odd")
    ids = {}
    for number, (what, meta) in enumerate(ODD.items()):
        job = make_job(folder, f"job{number}")
        content = json.loads((job / "meta.json").read_text())
        (job / "meta.json").write_text(json.dumps(content | meta))
        ids[what] = session.flare("submit_job", str(job))
    yield ids
    for job_id in ids.values():
        remove(session, job_id)


def remove(session, job_id):
    session.abort_job(job_id)
    assert session.reattach(job_id).wait_until_finished(120, poll_interval=0.2)
    assert session.delete_job(job_id)


@pytest.fixture(scope="module")
def lists_jobs(version, session, odd_jobs):
    """Whether a list is to be had: a server of nvflare 2.8 or later gives none while a job has no text as its name."""
    if version.release > (2, 7):
        with pytest.raises(FederationError, match="somebody has submitted one whose name is no text"):
            session.list_jobs()
    return version.release <= (2, 7)


def test_a_list_has_odd_jobs_and_all_others(session, odd_jobs, jobs, lists_jobs, seen):
    seen("`list_jobs` while a job has a number as its name", "lists all" if lists_jobs else "fails")
    if not lists_jobs:
        return
    for detailed in (False, True):
        names = {job.job_id: job.name for job in session.list_jobs(detailed=detailed)}
        assert names[odd_jobs["a number"]] == "2024"
        assert names.keys() >= {*odd_jobs.values(), *(job.job_id for job in jobs.submitted.values())}
    assert [job.job_id for job in session.list_jobs(name_prefix="20")] == [odd_jobs["a number"]]
    assert jobs["two words"].job_id in [job.job_id for job in session.list_jobs(name_prefix="two w")]
    assert [job.job_id for job in session.list_jobs(limit=1)] == [odd_jobs["times"]]


def test_each_is_a_job_with_an_id_and_a_status(session, odd_jobs):
    metas = {what: session.get_job_meta(job_id) for what, job_id in odd_jobs.items()}
    assert metas["a number"].name == "2024"
    assert metas["a number"].custom_props == {}
    assert not any(meta.failed for meta in metas.values())
    for what in ("a forged note", "forged sets"):
        with pytest.raises(JobMetaError, match=odd_jobs[what]):
            _ = metas[what].note


def test_five_waiting_tasks_notice_nothing(connection, odd_jobs, jobs):
    ids = [job.job_id for job in jobs.submitted.values()][:5]
    assert len(ids) == 5
    watch = JobWatch(DfmHook(connection))
    try:
        seen = watch.poll(ids)
        assert (seen.fault, seen.faults) == ("", {})
        assert all(statuses(seen).values())
        assert all(statuses(watch.poll([*ids, *odd_jobs.values()])).values())
    finally:
        watch.close()


class Store(dict):
    def set(self, key, value, retention=None):
        self[key] = value


def test_a_task_clones_a_job_beside_them_and_an_odd_one(connection, odd_jobs, jobs):
    with DfmHook(connection) as hook:
        for origin in (jobs["two words"].job_id, odd_jobs["a number"]):
            store = Store()
            made = [
                CloneOnce(origin, store).clone(hook, claim, ends_at=1.0, required_sites=RequiredSites())
                for claim in [claim_of_its_own()] * 2
            ]
            assert made[0].job_id == made[1].job_id
            assert hook.get_job_meta(made[0].job_id).cloned_from == origin
            # It has the odd name, too.
            remove(hook, made[0].job_id)


def test_they_can_be_handed_on_to_other_tasks(connection, lists_jobs):
    if not lists_jobs:
        return
    listed = FlareListJobsOperator(task_id=uuid.uuid4().hex, dfm_conn_id=connection, detailed=True).execute({})
    text = json.dumps(listed, allow_nan=False, ensure_ascii=False)
    assert "\0" not in text
    text.encode()
