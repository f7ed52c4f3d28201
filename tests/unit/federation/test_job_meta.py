"""Reads the metas of jobs that servers of nvflare 2.6.3 and 2.9.0 could not run, as they gave them."""

from __future__ import annotations

from airflow_provider_dfm.federation.job_meta import JobMeta


def _meta(**fields):
    return JobMeta(job_id="1", status="FINISHED:FAILED_TO_RUN", **fields)


def test_a_site_that_refused_a_job_is_named_with_its_reason():
    detail = ["server: OK", "seattle: exception_occurred: no space left", "num_ok_sites 1 < required_min_sites 2"]
    assert _meta(job_deploy_detail=detail).why_it_could_not_run == (
        "seattle: exception_occurred: no space left",
        "num_ok_sites 1 < required_min_sites 2",
    )


def test_why_no_site_took_a_job_is_told_once():
    tries = [
        "2026-11-24 18:33:09: missing required site boston",
        "2026-11-24 18:33:10: missing required site boston",
        "2026-11-24 18:33:11: exceeded max schedule count 2",
    ]
    assert _meta(schedule_history=tries).why_it_could_not_run == (
        "missing required site boston",
        "exceeded max schedule count 2",
    )


def test_a_job_that_was_scheduled_at_last_could_run():
    tries = ["2026-11-24 18:33:09: missing required site boston", "2026-11-24 18:33:10: scheduled"]
    assert _meta(schedule_history=tries, job_deploy_detail=["server: OK"]).why_it_could_not_run == ()
