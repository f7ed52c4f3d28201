"""What the federation's answers are as XComs, however large they are."""

from __future__ import annotations

import json
import uuid
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, Connection, ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.serde import deserialize, serialize

from airflow_provider_dfm.federation.discovery import read_discovery
from airflow_provider_dfm.federation.errors import ParameterSetError, ResultsIncomplete
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.parameter_sets import normalize_parameter_sets
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.results_folder import keep_results
from airflow_provider_dfm.federation.tokens import AdapterError, Result
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.large_answers import fit_answer
from airflow_provider_dfm.operators.dfm import DfmDiscoverOperator, DfmExecuteOperator
from airflow_provider_dfm.operators.flare import FlareDownloadResultOperator, FlareListJobsOperator
from airflow_provider_dfm.operators.submitting import FAILED_SETS
from airflow_provider_dfm.results import whole

NODE = {"ident": 1}
ASKED = {"sites": ["seattle"], "operations": {"1": {"name": "measure", "site": "seattle", "places": {"city": "where"}}}}


@pytest.fixture(autouse=True)
def connection(tmp_path, monkeypatch):
    fields = {"results_path": f"file://{tmp_path}/kept", "federation": "f", "homesite": "h", "target": "local"}
    kept = Connection(conn_id="kept", conn_type="dfm", extra=json.dumps(fields))
    monkeypatch.setenv("AIRFLOW_CONN_KEPT", kept.as_json())


def _pulled(xcom):
    """An XCom as another task pulls it."""
    return deserialize(json.loads(json.dumps(serialize(xcom), allow_nan=False)))


def _advised(values):
    """What came of a job whose one advisor knows so many values of its field."""
    advice = {"field": "city", "value": values, "edge": None}
    result = Result(parameter_set=0, frame=(0,), place="x", site="seattle", value=[[NODE, advice]], node=0)
    outcome = JobOutcome(
        job_id="1",
        name="measure",
        status="FINISHED:COMPLETED",
        parameter_sets=1,
        places=("x",),
        results=1,
        stopped=True,
        discovery=ASKED,
    )
    return FederationResults(outcome, lambda: iter([result]))


@pytest.fixture
def discover(monkeypatch):
    """Hands on what an advisor said, as a task does whose job has ended."""

    def make(values, **arguments):
        results = _advised(values)
        monkeypatch.setattr(DfmHook, "check_job", lambda *_, **__: results)
        monkeypatch.setattr(DfmHook, "accept_partial", lambda *_: None)
        monkeypatch.setattr(DfmHook, "results", lambda *_: results)
        task = DfmDiscoverOperator(task_id="discover", pipeline="a:b", dfm_conn_id="kept", **arguments)
        context = {"ti": SimpleNamespace(xcom_push=lambda **_: None)}
        found = task.execute_complete(context, {"job_id": str(uuid.UUID(int=1)), "status": "FINISHED:COMPLETED"})
        return _pulled(found), read_discovery(results).model_dump()

    return make


def test_a_small_discovery_is_handed_on_as_it_is(discover, tmp_path, capsys):
    found, discovery = discover(["seattle", "portland"])
    assert found == discovery
    assert found["parameter_sets"] == [{"where": "seattle"}, {"where": "portland"}]
    assert whole(found) is found
    assert not (tmp_path / "kept").exists()
    assert "too large" not in capsys.readouterr().out


def test_a_discovery_of_50000_values_is_kept_and_opened_alike(discover, capsys):
    found, discovery = discover([f"city {number}" for number in range(50_000)])
    assert len(json.dumps(discovery)) > 2_000_000
    assert len(json.dumps(found)) < 2000
    (operation,) = found["operations"]
    assert (operation["operation"], operation["site"], operation["combinations"]) == ("measure", "seattle", None)
    assert whole(found) == discovery
    assert whole(found["operations"][0]["fields"])["city"][-1] == "city 49999"
    output = capsys.readouterr().out
    assert "[warning" in output
    assert "left out of it: 2 of its 7 parts" in output
    assert "airflow_provider_dfm.results.whole(xcom)" in output


def test_only_as_much_is_left_out_as_has_to_be(discover):
    found, discovery = discover([f"city {number}" for number in range(100)], max_xcom_bytes=7000)
    left_out = [key for key, part in found["operations"][0].items() if part != discovery["operations"][0][key]]
    # The tree has most.
    assert left_out == ["advice"]
    assert found["parameter_sets"] == discovery["parameter_sets"]
    assert whole(found) == discovery


def test_the_parameter_sets_stay_longest(discover):
    found, discovery = discover([f"city {number} {'x' * 300}" for number in range(1000)])
    assert list(found["operations"][0]["combinations"]) == ["@kept"]
    assert found["parameter_sets"] == discovery["parameter_sets"]
    assert normalize_parameter_sets(found["parameter_sets"]) == discovery["parameter_sets"]
    assert whole(found) == discovery


def test_parameter_sets_that_are_left_out_are_not_sent_to_a_site(discover):
    found, discovery = discover([f"city {number} {'x' * 2000}" for number in range(1000)])
    assert found["parameter_sets"]["@kept"]["count"] == 1000
    assert whole(found["parameter_sets"]) == discovery["parameter_sets"]
    for given in (found["parameter_sets"], {"where": found["parameter_sets"]}, [{"where": [found["parameter_sets"]]}]):
        with pytest.raises(ParameterSetError, match=r"Parameter set 0.* only says where .* is kept .*whole"):
            normalize_parameter_sets(given)


def test_the_advice_of_thousands_of_operations_is_one_reference(capsys):
    operations = [{"operation": f"measure {number}", "site": "seattle", "fields": {}} for number in range(20_000)]
    answer = {"operations": operations, "parameter_sets": None, "errors": []}
    lists = (("operations",), ("errors",))
    fit = fit_answer(answer, lists, DfmHook("kept"), 1000, DfmHook("kept").log, needed=[("parameter_sets",)])
    assert "left out of it: all 20000 operations. All is kept" in capsys.readouterr().out
    assert fit["operations"]["@kept"]["count"] == 20_000
    assert (fit["parameter_sets"], fit["errors"]) == (None, [])
    assert whole(_pulled(fit)) == answer


@pytest.mark.parametrize("value", ["a\0b", "\ud800", 2**80, 1e300], ids=["NUL", "half a pair", "integer", "float"])
def test_advice_that_no_xcom_can_hold_is_kept(discover, value):
    found, discovery = discover(["seattle", value])
    assert found["operations"][0]["site"] == "seattle"
    assert whole(found) == discovery


@pytest.fixture
def pushed(monkeypatch):
    """Ends a task that has waited for a job, of whose sets some failed; gives the XCom that names them."""

    def make(reasons):
        outcome = JobOutcome(
            job_id=str(uuid.UUID(int=1)),
            name="trial",
            status="FINISHED:COMPLETED",
            parameter_sets=len(reasons) + 1,
            places=("x",),
            results=1,
            stopped=True,
            errors=[
                AdapterError(parameter_set=number, site="seattle", type="RuntimeError", message=reason)
                for number, reason in enumerate(reasons)
            ],
        )
        results = FederationResults(outcome, lambda: iter(()))
        keep_results(results, DfmHook("kept").results_path / outcome.job_id)
        monkeypatch.setattr(DfmHook, "check_job", lambda *_, **__: results)
        monkeypatch.setattr(DfmHook, "accept_partial", lambda *_: None)
        task = DfmExecuteOperator(task_id="run", pipeline="a:b", dfm_conn_id="kept", on_partial_failure="succeed")
        xcoms = {}
        context = {"ti": SimpleNamespace(xcom_push=lambda key, value: xcoms.update({key: _pulled(value)}))}
        assert task.execute_complete(context, {"job_id": outcome.job_id, "status": outcome.status}) == outcome.job_id
        return xcoms[FAILED_SETS]

    return make


def test_the_reasons_of_failed_sets_are_fit_for_an_xcom(pushed):
    assert pushed(["no data", "a\0b"]) == {
        "0": "site seattle: RuntimeError: no data",
        "1": "site seattle: RuntimeError: a\N{REPLACEMENT CHARACTER}b",
    }


def test_the_reasons_of_many_failed_sets_are_kept_and_opened_alike(pushed, capsys):
    failed = pushed(["x" * 4000] * 100)
    assert failed["@kept"]["count"] == 100
    assert whole(failed) == {str(number): f"site seattle: RuntimeError: {'x' * 4000}" for number in range(100)}
    assert "the reasons of 100 sets that failed" in capsys.readouterr().out


def _jobs(count, props):
    fields = {"submit_time": "2026-11-28T00:00:00+00:00", "duration": "0:00:10", "custom_props": props}
    return [
        JobMeta.model_validate({"job_id": str(uuid.UUID(int=number)), "name": "j", "status": "RUNNING"} | fields)
        for number in range(count)
    ]


@pytest.fixture
def list_jobs(monkeypatch):
    """Lists jobs of a federation that stores many, with whatever their submitters wrote."""

    def make(jobs, then=None, **arguments):
        monkeypatch.setattr(DfmHook, "list_jobs", lambda *_, **__: jobs)
        with DAG("lists", schedule=None):
            task = FlareListJobsOperator(task_id="list", dfm_conn_id="kept", **arguments)
            if then is not None:
                then(task)
        return _pulled(task.execute({}))

    return make


def test_a_short_list_is_handed_on_as_it_is(list_jobs, tmp_path):
    jobs = _jobs(100, {"a": 1})
    listed = list_jobs(jobs)
    assert [job["job_id"] for job in listed] == [job.job_id for job in jobs]
    assert whole(listed) is listed
    assert not (tmp_path / "kept").exists()


def test_the_whole_meta_of_many_jobs_is_kept_and_opened_alike(list_jobs, capsys):
    jobs = _jobs(100, {"notes": "ä" * 10_000})
    listed = list_jobs(jobs, detailed=True)
    assert len(json.dumps(listed)) < 150_000
    assert [(job["job_id"], job["status"]) for job in listed] == [(job.job_id, "RUNNING") for job in jobs]
    assert [list(job["custom_props"]) for job in listed][-1] == ["@kept"]
    assert whole(listed) == [job.model_dump(mode="json") for job in jobs]
    assert whole(listed[99])["custom_props"] == whole(listed[99]["custom_props"]) == {"notes": "ä" * 10_000}
    assert "left out of it: 100 of" in capsys.readouterr().out


def test_thousands_of_jobs_are_one_reference(list_jobs, capsys):
    jobs = _jobs(8000, {})
    listed = list_jobs(jobs, limit=None)
    assert "left out of it: all of its 8000 rows. All is kept" in capsys.readouterr().out
    assert listed["@kept"]["count"] == 8000
    assert [job["job_id"] for job in whole(listed)] == [job.job_id for job in jobs]
    with pytest.raises(TypeError):
        [job["job_id"] for job in listed]

    def map_over(task):
        FlareDownloadResultOperator.partial(task_id="download", dfm_conn_id="kept").expand_kwargs(
            task.output.map(lambda job: {"job_id": job["job_id"]})
        )

    with pytest.raises(AirflowFailException, match=r"8000 jobs are too many .* to map over"):
        list_jobs(jobs, limit=None, then=map_over)
    assert len(list_jobs(jobs[:100], limit=None, then=map_over)) == 100


@pytest.mark.parametrize(
    "props",
    [{"\0": "\0"}, {"a": "\udc00"}, {"a": 2**80}, {"__classname__": "a"}, {"@kept": {"uri": "file:///etc"}}],
    ids=["NUL", "half a pair", "integer", "Airflow's key", "a reference"],
)
def test_whatever_a_submitter_wrote_can_be_listed(list_jobs, props):
    listed = list_jobs(_jobs(2, props), detailed=True)
    assert [job["status"] for job in listed] == ["RUNNING", "RUNNING"]
    assert whole(listed) == [job.model_dump(mode="json") for job in _jobs(2, props)]


def test_a_list_of_small_jobs_is_whole_up_to_a_mebibyte(list_jobs, tmp_path, capsys):
    jobs = _jobs(1000, {})
    listed = list_jobs(jobs, limit=None)
    assert [job["job_id"] for job in listed] == [job.job_id for job in jobs]
    assert "left out" not in capsys.readouterr().out
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("key", ["__classname__", "__id__", "__type", "@kept", "\0"])
def test_a_key_that_a_submitter_gave_a_jobs_meta_is_nobody_elses_trouble(list_jobs, key):
    (odd, other) = _jobs(2, {})
    odd = JobMeta.model_validate(odd.model_dump() | {key: "x"})
    listed = list_jobs([odd, other], detailed=True)
    assert [job["job_id"] for job in listed] == [odd.job_id, other.job_id]
    assert whole(listed) == [job.model_dump(mode="json") for job in (odd, other)]


def test_an_answer_that_is_damaged_or_gone_is_named(list_jobs):
    listed = list_jobs(_jobs(2, {"a": "x" * 60_000}), detailed=True)
    file = ObjectStoragePath(listed[0]["custom_props"]["@kept"]["uri"])
    file.write_text(file.read_text().replace("x", "y"))
    with pytest.raises(ResultsIncomplete, match="not what was written"):
        whole(listed)
    file.unlink()
    with pytest.raises(ResultsIncomplete, match=r"There is no .*, as this machine sees it"):
        whole(listed)
