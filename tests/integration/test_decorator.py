"""Pipelines that are written in the DAG file, in real Airflow tasks."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import pytest

from tests.dag_runs import run_dag, task_results, task_states
from tests.integration.test_operators import connections, logged  # noqa: F401 - fixtures

pytestmark = [pytest.mark.federation, pytest.mark.airflow, pytest.mark.usefixtures("database", "connections")]

DAGS = Path(__file__).parent / "dags" / "decorator_dags.py"
TEXT = "{{ this is no template }}\n  indented by two|a\n  b|"


@pytest.mark.parametrize("way", ["local", "deferred"])
def test_a_mapped_function_builds_a_pipeline_for_each_site(way):
    run = run_dag(f"decorated_{way}")
    assert set(task_states(run).values()) == {"success"}
    reads = [[(row["place"], row["value"]) for row in read["results"]] for read in task_results(run)["read"]]
    text = f"{TEXT}{run.logical_date or run.run_after:%Y-%m-%d}"
    first, second = ("result", f"decorated_{way}"), ("result", "2")
    assert reads == [[first, ("text", text), second, ("text", text)]] * 2
    assert [read["results"][0]["site"] for read in task_results(run)["read"]] == ["seattle", "san_francisco"]


@pytest.mark.parametrize("way", ["local", "deferred"])
def test_a_later_task_has_an_array_of_one_site_and_the_image_that_another_drew_of_it(way):
    run = run_dag(f"picture_{way}")
    assert set(task_states(run).values()) == {"success"}
    looked = task_results(run)["look"]
    assert looked["sums"] == [sum(range(4, 12))] * 2
    assert [matplotlib.image.imread(image.removeprefix("file://")).shape for image in looked["images"]] == [(2, 4)] * 2


def test_a_function_that_cannot_build_one_fails_its_task_and_the_log_says_why(logged):  # noqa: F811
    states = task_states(run_dag("decorated_fails"))
    assert states == dict.fromkeys(("refers_outside", "gives_none", "raises", "takes"), "failed")
    text = logged()
    assert "name 'OUTSIDE' is not defined. The function runs in the federation's interpreter" in text
    assert "gives_none returned a NoneType, not an nv_dfm_core Pipeline" in text
    # The line of the DAG file, and its text.
    assert "pipeline function raises raised ValueError: not today" in text
    line = DAGS.read_text().splitlines().index('        raise ValueError("not today")') + 1
    assert f'decorator_dags.py", line {line}, in raises\n    raise ValueError("not today")' in text
    assert "Argument 'thing' of the pipeline function takes: a set cannot travel" in text
