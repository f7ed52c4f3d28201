"""What a task hands on of a job's results, and how another opens it: the same way, whatever the size."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.serde import deserialize, serialize

from airflow_provider_dfm.federation.errors import ResultsIncomplete, WorkFailed
from airflow_provider_dfm.federation.results import read_downloaded_job
from airflow_provider_dfm.federation.results_folder import keep_results
from airflow_provider_dfm.federation.tokens import Result
from airflow_provider_dfm.operators.dfm import DfmResultsOperator
from airflow_provider_dfm.results import kept_result, kept_results, whole

from .federation.tokens import end, error, meta, token, write_job

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
LARGE = "ä" * 150_000
UNFIT = {
    "NUL": "a\0b",
    "NUL in a key": {"a": {"\0": 1}},
    "half a surrogate pair": ["\ud800"],
    "infinity": math.inf,
    "a large float": 1e300,
    "a large integer": 2**80,
    "Airflow's": {"__classname__": "builtins.set", "__version__": 1, "__data__": [1]},
    "a reference": {"@kept": {"uri": "file:///etc", "rows": "results"}},
}


@pytest.fixture
def keep(tmp_path, monkeypatch):
    """Keeps what came of a job where the connection has it."""
    fields = {"results_path": f"file://{tmp_path}/kept", "federation": "f", "homesite": "h", "target": "local"}
    extra = json.dumps(fields)
    monkeypatch.setenv("AIRFLOW_CONN_KEPT", Connection(conn_id="kept", conn_type="dfm", extra=extra).as_json())

    def make(*tokens, sets, places=("answer",)):
        download = write_job(tmp_path / "download", *tokens, *map(end, ([i] for i in range(sets))), end("stop"))
        about = meta(sets=sets, places=places)
        return keep_results(read_downloaded_job(download, about), tmp_path / "kept" / JOB)

    return make


def _read(**arguments):
    """The XCom of the task that reads the results, as another task pulls it."""
    read = DfmResultsOperator(task_id="read", job_id=JOB, dfm_conn_id="kept", **arguments)
    handed_on = json.dumps(serialize(read.execute({})), allow_nan=False)
    assert "\\u0000" not in handed_on
    handed_on.encode().decode()
    return deserialize(json.loads(handed_on))


def _values(results):
    return [(result.parameter_set, result.place, result.value) for result in results]


SIZES = {"small": "a", "large": LARGE}


@pytest.mark.parametrize("value", SIZES.values(), ids=SIZES)
def test_a_loop_over_results_is_the_same_for_small_and_large_ones(keep, value, capsys):
    keep(*(token(frame=[number], value=f"{number}{value}") for number in range(3)), sets=3)
    read = _read()
    assert len(json.dumps(read)) < 3000
    assert _values(kept_results(read)) == [(number, "answer", f"{number}{value}") for number in range(3)]
    assert _values(kept_results(read).of_set(2)) == [(2, "answer", f"2{value}")]
    assert len(kept_results(read)) == read["count"] == 3
    warnings = [line for line in capsys.readouterr().out.splitlines() if "[warning" in line and "Left out" in line]
    if value == "a":
        assert warnings == []
    else:
        (warning,) = warnings
        assert "3 values of 3 results, 3 values and reasons of 3 sets" in warning
        assert "kept_results" in warning


@pytest.mark.parametrize("value", SIZES.values(), ids=SIZES)
def test_a_lists_rows_are_there_whatever_their_values_size(keep, value):
    keep(*(token(frame=[number], value=value) for number in range(3)), sets=3)
    read = _read()
    assert [row | {"value": None} for row in read["results"]] == [
        {"parameter_set": number, "frame": [number], "place": "answer", "site": "seattle", "value": None, "node": 0}
        for number in range(3)
    ]
    assert [kept_result(row).value for row in read["results"]] == [value] * 3
    assert [whole(row["value"]) for row in read["results"]] == [value] * 3
    assert [(one["parameter_set"], one["status"], one["reason"]) for one in read["sets"]] == [
        (number, "answered", None) for number in range(3)
    ]
    assert [whole(one)["values"] for one in read["sets"]] == [{"answer": value}] * 3
    assert whole(read) == read | {"results": whole(read["results"]), "sets": whole(read["sets"])}
    assert [row["value"] for row in whole(read)["results"]] == [value] * 3


def test_of_two_values_that_have_no_room_together_none_is_handed_on(keep):
    keep(*(token(frame=[number], value="x" * 40_000) for number in range(2)), token(frame=[2], value="a"), sets=3)
    read = _read()
    assert [row["value"] if row["value"] == "a" else list(row["value"]) for row in read["results"]] == [
        ["@kept"],
        ["@kept"],
        "a",
    ]
    assert [list(one["values"]["answer"]) for one in read["sets"]] == [["@kept"], ["@kept"], ["a"]]
    roomy = _read(max_xcom_bytes=100_000)
    assert [len(row["value"]) for row in roomy["results"]] == [40_000, 40_000, 1]
    assert [len(one["values"]["answer"]) for one in roomy["sets"]] == [40_000, 40_000, 1]


def test_small_values_stay_beside_large_ones(keep):
    keep(token("small", value="a"), token("large", value=LARGE), sets=1, places=("small", "large"))
    read = _read()
    by_place = {row["place"]: row["value"] for row in read["results"]}
    uri = read["uri"]
    assert by_place == {"small": "a", "large": {"@kept": {"uri": uri, "parameter_set": 0, "number": 0}}}
    assert read["sets"][0]["values"] == {
        "small": "a",
        "large": {"@kept": {"uri": uri, "parameter_set": 0, "place": "large"}},
    }
    assert {result.place: result.value for result in kept_results(read)} == {"small": "a", "large": LARGE}


@pytest.mark.parametrize("value", UNFIT.values(), ids=UNFIT)
def test_a_value_that_no_xcom_can_hold_is_kept_and_the_others_are_handed_on(keep, value):
    keep(token(value=value), token(frame=[1], value="a"), sets=2)
    read = _read()
    references = [row["value"] for row in read["results"]] + [one["values"]["answer"] for one in read["sets"]]
    assert [list(reference) for reference in references[::2]] == [["@kept"], ["@kept"]]
    assert references[1::2] == ["a", "a"]
    assert [result.value for result in kept_results(read)] == [value, "a"]
    assert [one["values"]["answer"] for one in whole(read)["sets"]] == [value, "a"]


# DFM's generator gives a place no such name, but who submits a job can.
@pytest.mark.parametrize("place", ["@kept", "__classname__", "__type", "a\0b"])
@pytest.mark.parametrize("value", [{"uri": "file:///etc", "rows": "results"}, LARGE], ids=["small", "large"])
def test_a_place_whose_name_means_something_to_airflow_is_a_place(keep, place, value):
    keep(token(place, value=value), token("other"), sets=1, places=("other",))
    read = _read()
    assert [row["place"] for row in read["results"]] == [place.replace("\0", "\ufffd"), "other"]
    assert read["sets"][0]["values"] == {"@kept": {"uri": read["uri"], "parameter_set": 0, "count": 2}}
    assert whole(read)["sets"][0]["values"] == {place: value, "other": 1}
    assert whole(_read(output="sets")[0])["values"] == {place: value, "other": 1}
    assert [row["value"] for row in whole(read)["results"]] == [value, 1]


@pytest.mark.parametrize("value", SIZES.values(), ids=SIZES)
def test_a_mapped_task_opens_its_set(keep, value):
    keep(
        *(token(place, [number], f"{number}{place}{value}") for number in range(3) for place in ("a", "b")),
        error("no data here", [1], "a"),
        sets=3,
        places=("a", "b"),
    )
    sets = _read(output="sets", on_partial_failure="succeed")
    assert [(one["parameter_set"], one["status"], one["job_id"]) for one in sets] == [
        (0, "answered", JOB),
        (1, "failed", JOB),
        (2, "answered", JOB),
    ]
    assert "no data here" in sets[1]["reason"]
    for number in (0, 2):
        values = {place: f"{number}{place}{value}" for place in ("a", "b")}
        assert {result.place: result.value for result in kept_results(sets[number])} == values
        assert whole(sets[number])["values"] == values
    with pytest.raises(WorkFailed, match="no data here"):
        iter(kept_results(sets[1]))
    assert whole(sets[1]) == sets[1]


def test_a_generators_values_are_a_list_whatever_their_size(keep):
    small = [token("items", [0, number], number) for number in range(3)]
    large = [token("items", [1, number], LARGE) for number in range(2)]
    many = [token("items", [2, number], number) for number in range(12_000)]
    keep(*small, *large, *many, sets=3, places=("items",))
    read = _read()
    wanted = [[0, 1, 2], [LARGE, LARGE], list(range(12_000))]
    assert read["sets"][0]["values"] == {"items": [0, 1, 2]}
    assert [list(one["values"]["items"]) for one in read["sets"][1:]] == [["@kept"], ["@kept"]]
    assert [whole(one["values"])["items"] for one in read["sets"]] == wanted
    assert [one["values"]["items"] for one in whole(read["sets"])] == wanted


def test_an_accepted_failure_of_some_sets_is_accepted_where_the_rest_is_read(keep):
    keep(token(value=LARGE), error("no data here", [1]), token(frame=[2], value=LARGE), sets=3)
    read = _read(on_partial_failure="succeed")
    assert list(read["failed"]) == ["1"]
    assert _values(kept_results(read)) == [(0, "answer", LARGE), (2, "answer", LARGE)]
    with pytest.raises(WorkFailed, match="no data here"):
        kept_results(read).of_set(1)
    with pytest.raises(WorkFailed, match="no data here"):
        iter(kept_results(read["uri"]))


def test_thousands_of_results_are_one_reference_that_opens_alike(keep, capsys):
    count = 6000
    keep(*(token(frame=[number], value=f"{number}{'x' * 300}") for number in range(count)), sets=count)
    read = _read()
    about = {"uri": read["uri"], "count": count}
    assert read["results"] == {"@kept": about | {"rows": "results"}}
    assert read["sets"] == {"@kept": about | {"rows": "sets"}}
    with pytest.raises(TypeError):
        [result["value"] for result in read["results"]]
    values = [f"{number}{'x' * 300}" for number in range(count)]
    assert [result.value for result in kept_results(read)] == values
    assert [row["value"] for row in whole(read)["results"]] == values
    assert [one["values"] for one in whole(read["sets"])] == [{"answer": value} for value in values]
    assert f"all {count} results, all {count} sets" in capsys.readouterr().out
    with pytest.raises(AirflowFailException, match=r"too many for an XCom to map over.*max_xcom_bytes"):
        _read(output="sets")
    assert [one["values"] for one in _read(output="sets", max_xcom_bytes=10**7)][:2] == [
        {"answer": value} for value in values[:2]
    ]


def test_a_thousand_large_sets_of_many_places_can_be_mapped_over(keep):
    places = [f"place_{number}" for number in range(20)]
    count = 1000
    keep(*(token(place, [number], "x" * 300) for number in range(count) for place in places), sets=count, places=places)
    sets = _read(output="sets")
    assert len(sets) == count
    assert sets[7]["values"] == {"@kept": {"uri": sets[0]["uri"], "parameter_set": 7, "count": 20}}
    assert whole(sets[7])["values"] == dict.fromkeys(places, "x" * 300)
    assert [one["values"] for one in whole(sets[:20])] == [dict.fromkeys(places, "x" * 300)] * 20


def test_many_reasons_of_failed_sets_are_bounded(keep, capsys):
    count = 1000
    keep(token(), *(error("x" * 3000, [number]) for number in range(1, count)), sets=count)
    read = _read(on_partial_failure="succeed")
    assert read["failed"] == {"@kept": {"uri": read["uri"], "rows": "failed", "count": count - 1}}
    assert len(json.dumps(read)) < 1_500_000
    assert len(whole(read["failed"])["999"]) > 3000
    assert "x" * 100 in read["sets"][999]["reason"]
    output = capsys.readouterr().out
    assert f"{count - 1} values and reasons of {count} sets, the reasons of {count - 1} sets that failed" in output
    assert _values(kept_results(read)) == [(0, "answer", 1)]


def test_an_array_is_an_array_whether_it_was_handed_on_or_kept(keep):
    numpy = pytest.importorskip("numpy")
    arrays = [numpy.arange(size, dtype="<f4") for size in (3, 100_000)]
    forms = [
        {"@array": {"dtype": "<f4", "shape": [array.size], "order": "C", "data": base64.b64encode(array).decode()}}
        for array in arrays
    ]
    keep(*(token(frame=[number], value=form) for number, form in enumerate(forms)), sets=2)
    read = _read()
    assert [list(row["value"]) for row in read["results"]] == [["@array"], ["@kept"]]
    for opened in (list(kept_results(read)), [kept_result(row) for row in read["results"]]):
        assert all((result.array() == array).all() for result, array in zip(opened, arrays, strict=True))
    assert (kept_result(read["sets"][1]["values"]["answer"]).array() == arrays[1]).all()


def test_what_is_not_kept_any_more_is_named(keep, tmp_path):
    keep(token(value=LARGE), sets=1)
    read = _read()
    (tmp_path / "kept" / JOB / "manifest.json").unlink()
    for opening in (kept_results, whole):
        with pytest.raises(ResultsIncomplete, match=rf"No results are kept at file://.*{JOB}, as this machine sees it"):
            opening(read)


@pytest.mark.parametrize("sets", [2, 20])
def test_sets_that_are_not_kept_any_more_are_named(keep, tmp_path, sets):
    keep(*(token(frame=[number], value=LARGE) for number in range(sets)), sets=sets)
    read = _read()
    (tmp_path / "download").rename(tmp_path / "former")
    keep(*(token(frame=[number], value=LARGE) for number in range(sets - 1)), sets=sets - 1)
    with pytest.raises(ResultsIncomplete, match=rf"no such result as .*'parameter_set': {sets - 1}.* by now"):
        whole(read)


def test_what_lacks_nothing_needs_no_place_to_read_from(keep, tmp_path):
    keep(token(value="a"), sets=1)
    read = _read()
    (tmp_path / "kept" / JOB / "manifest.json").unlink()
    assert whole(read) is read
    assert kept_result(read["results"][0]) == Result(
        parameter_set=0, frame=(0,), place="answer", site="seattle", value="a", node=0
    )


def test_the_xcoms_of_mapped_tasks_are_opened_together(keep):
    keep(token(value=LARGE), sets=1)

    class Xcoms(Sequence):
        """As Airflow gives them to a task: each is pulled when it is asked for."""

        def __len__(self):
            return 2

        def __getitem__(self, index):
            return [read, read][index]

    read = _read()
    assert [each["sets"][0]["values"] for each in whole(Xcoms())] == [{"answer": LARGE}] * 2
    assert [result.value for each in Xcoms() for result in kept_results(each)] == [LARGE] * 2


@pytest.mark.parametrize("wrong", [None, 7, [], {"values": {}}, {"uri": None}])
def test_something_else_is_refused_by_name(wrong):
    with pytest.raises(TypeError, match="no XCom of a DfmResultsOperator"):
        kept_results(wrong)
    with pytest.raises(TypeError, match="not stand for one result"):
        kept_result(wrong)
    assert whole(wrong) == wrong


def test_a_reference_of_a_later_release_is_refused():
    with pytest.raises(ValueError, match="need the same release"):
        whole([{"@kept": {"uri": "file:///nowhere", "chapter": 7}}])


def test_several_results_are_not_one(keep):
    keep(*(token("items", [0, number], LARGE) for number in range(2)), sets=1, places=("items",))
    (one,) = _read()["sets"]
    with pytest.raises(TypeError, match="one result"):
        kept_result(one["values"]["items"])
