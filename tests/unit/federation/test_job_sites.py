from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import JobNotFound, SitesMissing
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_sites import SiteState, job_sites
from airflow_provider_dfm.federation.system_info import RunningJob, SystemInfo

DEPLOYED = ["server: OK", "seattle: OK", "san_francisco: no reply (deployment timeout)"]


class Federation:
    """Stands in for a session with a running job, and answers as nvflare did: see each test."""

    def __init__(self):
        self.errors = {"server": "No Error", "seattle": {}}
        self.jobs = [{"client_name": "seattle", "app_name": "app", "job_id": "1", "status": "started"}]
        self.jobs.append({"client_name": "san_francisco", "status": "no_jobs"})
        self.logs = {"server": "", "seattle": ""}

    def get_client_job_status(self):
        if isinstance(self.jobs, Exception):
            raise self.jobs
        return self.jobs

    def get_system_info(self):
        running = [RunningJob(job_id="1")]
        return SystemInfo(server_status="started", server_start_time=0.0, sites=(), running_jobs=running)

    def show_errors(self, job_id):
        if isinstance(self.errors, Exception):
            raise self.errors
        return self.errors

    def ask(self, method, **options):
        assert options["sites"] == ["server", "seattle"], "nobody asks where the job never was"
        missing = {name: "there is no error_log.txt" for name in options["sites"] if name not in self.logs}
        return {"logs": self.logs, "unavailable": missing}


def sites(federation):
    return job_sites(federation, JobMeta(job_id="1", status="RUNNING", job_deploy_detail=DEPLOYED), lines=2)


def test_a_running_job_has_a_state_at_each_site_it_was_brought_to():
    assert sites(Federation()) == {
        "server": SiteState(deploy="OK", state="started"),
        "seattle": SiteState(deploy="OK", state="started"),
        "san_francisco": SiteState(deploy="no reply (deployment timeout)"),
    }


def test_the_last_errors_of_a_site_are_those_of_its_log():
    federation = Federation()
    federation.logs["seattle"] = "one\ntwo\nthree\n"
    federation.errors["seattle"] = {"Talk": {"warning": "not wanted then"}}
    assert sites(federation)["seattle"].errors == ["two", "three"]


def test_where_there_is_no_log_the_errors_are_what_the_job_noted():
    federation = Federation()
    del federation.logs["seattle"]
    federation.errors["seattle"] = {"Talk": {"warning": "2026-11-24 18:32:17: careful"}}
    assert sites(federation)["seattle"] == SiteState(
        deploy="OK", state="started", errors=["Talk: warning: 2026-11-24 18:32:17: careful"]
    )


@pytest.mark.parametrize("error", [JobNotFound("no such job"), SitesMissing("no clients available")])
def test_what_nvflare_does_not_answer_while_a_job_starts_is_left_out(error):
    federation = Federation()
    federation.errors = federation.jobs = error
    federation.logs = {}
    assert sites(federation)["seattle"] == SiteState(deploy="OK", unread="there is no error_log.txt")


def test_nothing_is_asked_of_a_job_that_no_site_has_started():
    federation = Federation()
    federation.jobs[0]["status"] = "starting"
    federation.errors = AssertionError("nvflare would fail, and write that into the job's error log")
    assert sites(federation)["seattle"] == SiteState(deploy="OK", state="starting")


def test_the_sites_of_a_job_are_those_it_was_brought_to_or_meant_for():
    notes = ["invalid_clients: boston", "num_ok_sites 0 < required_min_sites 1"]
    meta = JobMeta(job_id="1", status="RUNNING", job_deploy_detail=[*DEPLOYED, *notes])
    assert meta.site_names == ["server", "seattle", "san_francisco"]
    meant = {"app": ["@ALL"], "app_seattle": ["seattle"]}
    assert JobMeta(job_id="1", status="SUBMITTED", deploy_map=meant).site_names == ["server", "seattle"]
