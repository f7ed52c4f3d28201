"""What a stranger can write into his own job's meta, in this provider's place."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import JobMetaError, PermanentFederationError
from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import MAX_PARAMETER_SETS
from airflow_provider_dfm.federation.results import is_pipeline_job, pipeline_expectation, read_downloaded_job

from .tokens import end, token, write_job

OUR_OWN = {"parameter_sets": 1, "places": ["answer"], "certain": {"answer": 1}, "yields": {"answer": 1}}
FORGED = [
    "text",
    ["parameter_sets"],
    7,
    None,
    OUR_OWN | {"parameter_sets": "x"},
    OUR_OWN | {"parameter_sets": -1},
    OUR_OWN | {"parameter_sets": 10**12},
    OUR_OWN | {"parameter_sets": None, "set_numbers": [0], "continues": "1"},
    OUR_OWN | {"parameter_sets": 100_000, "places": [f"place{number}" for number in range(1000)]},
    OUR_OWN | {"places": "answer"},
    OUR_OWN | {"places": [["answer"]]},
    OUR_OWN | {"certain": {"answer": 0}},
    OUR_OWN | {"certain": {"another": 1}},
    OUR_OWN | {"certain": ["answer"]},
    OUR_OWN | {"yields": {"answer": "many"}},
    OUR_OWN | {"parameters": {"start": "everywhere"}},
    OUR_OWN | {"ends_at": "tomorrow"},
    OUR_OWN | {"ends_at": float("inf")},
    OUR_OWN | {"content": 5},
    OUR_OWN | {"open": "perhaps"},
    OUR_OWN | {"set_numbers": [0]},
    OUR_OWN | {"set_numbers": [1], "continues": "1"},
    OUR_OWN | {"set_numbers": ["x"], "continues": "1"},
    OUR_OWN | {"set_numbers": [0], "continues": {"job": "1"}},
    OUR_OWN | {"discovery": ["seattle"]},
    OUR_OWN | {"discovery": {"sites": ["seattle"], "operations": {"1": "temperature"}}},
]


def _meta(note, status="FINISHED:COMPLETED"):
    props = {"airflow_provider_dfm": note}
    return JobMeta.model_validate({"job_id": "1", "name": "strange", "status": status, "custom_props": props})


@pytest.mark.parametrize("note", FORGED, ids=range(len(FORGED)))
def test_a_note_that_this_provider_did_not_write_is_an_error_of_that_job_by_its_name(note, tmp_path):
    meta = _meta(note)
    folder = write_job(tmp_path / "job", token(), end(), end("stop"))
    for use in (is_pipeline_job, pipeline_expectation, lambda meta: read_downloaded_job(folder, meta)):
        with pytest.raises(JobMetaError, match=r"The meta of job 1 \(strange\)"):
            use(meta)
    assert issubclass(JobMetaError, PermanentFederationError)


def test_a_note_of_our_own_is_read(tmp_path):
    folder = write_job(tmp_path / "job", token(), end(), end("stop"))
    assert [result.value for result in read_downloaded_job(folder, _meta(OUR_OWN))] == [1]


def test_a_job_of_somebody_else_has_an_empty_note():
    for props in ({}, {"team": "blue"}, "text", None):
        meta = JobMeta.model_validate({"job_id": "1", "status": "RUNNING", "custom_props": props})
        assert not is_pipeline_job(meta)
        assert meta.note.ends_at is None


def test_as_many_sets_as_a_note_may_speak_of_can_be_read(tmp_path):
    note = OUR_OWN | {"parameter_sets": MAX_PARAMETER_SETS}
    results = read_downloaded_job(write_job(tmp_path / "job", token(), end(), end("stop")), _meta(note))
    assert len(results.outcome.missing) == MAX_PARAMETER_SETS - 1


def test_a_callback_of_a_forged_job_fails_by_name():
    job = FederationJob(None, "1").seen_through(lambda: _Session(_meta({"parameter_sets": "x"}, "RUNNING")))
    with pytest.raises(JobMetaError):
        job.check_callbacks()


class _Session:
    def __init__(self, meta):
        self._meta = meta

    def get_job_meta(self, job_id):
        return self._meta
