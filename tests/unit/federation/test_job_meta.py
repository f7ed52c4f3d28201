"""Reads the metas of jobs that servers of nvflare 2.6.3 and 2.9.0 could not run, as they gave them."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from airflow_provider_dfm.federation.errors import UnreadableAnswer
from airflow_provider_dfm.federation.job_meta import JobMeta, read_job_list, read_job_meta


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


ODD_FIELDS = {
    "name": ["a", "list"],
    "submit_time": "yesterday",
    "last_schedule_time": {"at": 1},
    "start_time": 5,
    "duration": "about a minute",
    "job_deploy_detail": 5,
    "deploy_map": "everywhere",
    "schedule_history": {"no": "list"},
    "min_clients": "two",
    "mandatory_clients": "seattle",
    "custom_props": "text",
    "submitter_name": 7,
    "cloned_from": ["1"],
}


ODD_NUMBERS = (10**400, -(10**400), 1e308, float("nan"), float("inf"), True, 10**18)


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_no_number_is_too_odd(number):
    fields = dict.fromkeys([*ODD_FIELDS, "extra"], number)
    text = JobMeta.model_validate({"job_id": "1", "status": "RUNNING"} | fields).model_dump_json()
    assert JobMeta.model_validate_json(text).status == "RUNNING"


@pytest.mark.parametrize("field", ODD_FIELDS)
def test_a_field_that_does_not_fit_leaves_the_rest_as_it_is(field):
    meta = JobMeta.model_validate({"job_id": "1", "status": "RUNNING", "submitter_name": "a", field: ODD_FIELDS[field]})
    plain = JobMeta(job_id="1", status="RUNNING")
    name = "deploy_detail" if field == "job_deploy_detail" else field
    assert getattr(meta, name) == getattr(plain, name)
    assert (meta.status, meta.why_it_could_not_run, meta.site_names) == ("RUNNING", (), ["server"])


def test_a_name_that_is_a_number_is_its_text():
    assert JobMeta.model_validate({"job_id": "1", "status": "RUNNING", "name": 2024}).name == "2024"


def test_a_number_of_sites_may_be_a_text():
    assert JobMeta.model_validate({"job_id": "1", "status": "RUNNING", "min_clients": "2"}).min_clients == 2


@pytest.mark.parametrize("time", ["2026-11-24 18:33:09", "2026-11-24T18:33:09+00:00", 1795545189])
def test_times_with_and_without_a_zone_can_be_compared(time):
    meta = JobMeta.model_validate({"job_id": "1", "status": "RUNNING", "last_schedule_time": time})
    assert meta.last_schedule_time == datetime(2026, 11, 24, 18, 33, 9, tzinfo=timezone.utc)


def test_what_neither_json_nor_a_database_knows_can_be_handed_on():
    deep = [1]
    for _ in range(400):
        deep = [deep]
    odd = {"nul": "a\0b", "half": "\ud800", "\ud801": float("nan"), "deep": deep}
    meta = JobMeta.model_validate(
        {"job_id": "1", "status": "RUNNING", "name": "\udcff", "custom_props": odd, "x\ud800": odd}
    )
    text = json.dumps(meta.model_dump(mode="json"), allow_nan=False, ensure_ascii=False)
    assert "\0" not in text
    assert json.loads(text.encode())["custom_props"]["nul"] == "a\N{REPLACEMENT CHARACTER}b"


def test_whether_a_job_failed_is_never_read_from_its_own_meta():
    """Its submitter can write that there: it would be submitted again and again."""
    assert not read_job_meta({"job_id": "1", "status": "RUNNING", "failed": True}, "get_job_meta").failed


@pytest.mark.parametrize(
    "odd", [{}, {"job_id": "2"}, {"job_id": 5, "status": "RUNNING"}, {"job_id": "2", "status": None}, "x"]
)
def test_an_entry_that_names_no_job_or_status_is_left_out_of_a_list_and_logged(odd, caplog):
    good = {"job_id": "1", "status": "RUNNING"}
    assert [job.job_id for job in read_job_list([odd, good], "list_jobs")] == ["1"]
    (line,) = [record.getMessage() for record in caplog.records]
    assert "left out of the list" in line
    assert "list_jobs" in line


def test_what_is_no_list_is_an_error_with_the_requests_name():
    with pytest.raises(UnreadableAnswer, match="answer to list_jobs cannot be read"):
        read_job_list("nothing", "list_jobs")
