"""Results that an earlier release kept, and advice, which came as pickles then."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pydantic

from airflow_provider_dfm.federation.discovery import read_discovery
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.results import FederationResults
from airflow_provider_dfm.federation.results_folder import keep_results, read_kept_results
from airflow_provider_dfm.remote.plain_values import in_line, plain_form

from .arrivals import result_of

# Written by the release before values were made plain at their sites, of pickles that held nothing but data.
KEPT = Path(__file__).parent / "kept_before"


def test_results_that_an_earlier_release_kept_are_read(tmp_path):
    results = read_kept_results(KEPT)
    assert results is not None
    array, content, record, plain, text, model = results
    assert (array.array().dtype, array.array().tolist()) == (">f4", [[0, 1, 2], [3, 4, 5]])
    assert array.array().flags.f_contiguous
    assert content.content() == b"\x00\xff"
    assert {**record.value, "nan": 0, "times": 0} == {"when": "2010-01-01T00:00:00Z", "mean": 2.5, "nan": 0, "times": 0}
    assert record.value["nan"] != record.value["nan"]
    assert str(record.array("times")[0]) == "2010-01-01"
    assert plain.value == {"1": [2, 3], "set": [1, 2]}
    assert text.value == {"a": [1, "\ud800"]}
    assert model.value == {"mean": 3.5}
    # Kept again, they are the same.
    again = keep_results(results, tmp_path)
    assert [str(each.value) for each in again] == [str(each.value) for each in results]


class NodeId(pydantic.BaseModel, frozen=True):
    """As DFM has it: nv_dfm_core/api/_node_id.py."""

    tag: str = "@dfm-node"
    ident: int | str


class Advice(pydantic.BaseModel, ABC, Iterable[Any], frozen=True):
    """As DFM has it, an iterable that is no list: nv_dfm_core/api/discovery/_field_advice.py."""

    field: str
    branches: list[tuple[Any, Any]]

    def __iter__(self):
        raise AssertionError("an advice is read by its fields")


class Refusal(pydantic.BaseModel):
    msg: str


def test_advice_is_plain_and_read_by_its_fields():
    inner = Advice(field="hour", branches=[(1, None), (2, None)])
    advice = Advice(field="city", branches=[("boston", inner), ("rome", Refusal(msg="no data"))])
    answer = result_of(plain_form([(NodeId(ident=1), advice), (NodeId(ident="two"), None)], in_line))
    node = {"name": "trial.Measure", "site": "seattle", "places": {"city": "where"}}
    asked = {"sites": ["seattle"], "operations": {"1": node, "two": node}}
    outcome = JobOutcome(
        job_id="a",
        name="a",
        status="FINISHED:COMPLETED",
        parameter_sets=1,
        places=("advice",),
        results=1,
        stopped=True,
        discovery=asked,
    )
    discovery = read_discovery(FederationResults(outcome, lambda: iter([answer])))
    first, second = discovery.operations
    assert first.combinations == [{"city": "boston", "hour": 1}, {"city": "boston", "hour": 2}]
    assert second.advice is None
    assert [error["message"] for error in discovery.errors] == ["no data"]
    assert discovery.parameter_sets == [{"where": "boston"}]
