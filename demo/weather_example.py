"""Runs the weather services' example, and checks its results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.airflow_process import AirflowProcess
from demo.demonstration import expected_results

DAG = "weather_comparison_on_trigger"
START, END = "2010-01-01", "2010-01-31"
RUN_SECONDS = 300


def run(airflow: AirflowProcess, tell: Callable[[str], None]) -> list[str]:
    """Run the DAG as the Trigger button does, and print what came out, and where to look at it.

    :param airflow: the demonstration's
    :param tell: gets a line at each step
    :return: what is wrong with the results
    :raises AirflowError: when the run fails
    :raises TimeoutError: when it does not end
    """
    tell(f"Triggering the DAG {DAG} for {START} to {END}")
    run_id = airflow.trigger(DAG, conf={"start": START, "end": END})
    airflow.wait_for_success(DAG, run_id, RUN_SECONDS)
    tell("The run has succeeded")
    read = airflow.xcom(DAG, run_id, "read")
    print(f"\n{airflow.xcom(DAG, run_id, 'report')}\n")
    print(f"run              {airflow.url}/dags/{DAG}/runs/{run_id}")
    print(f"results          {read['uri']}")
    print(f"job              {read['job_id']}", flush=True)
    return wrong_results(read["results"])


def wrong_results(results: list[dict[str, Any]]) -> list[str]:
    """Compare the federation's answers with what the data files give; says what differs."""
    values = {result["place"]: result["value"] for result in results}
    expected = expected_results(START, END)
    faults = []
    for place in ("first", "second"):
        site = values[place]["site"]
        for name, wanted in expected[site].items():
            if values[place][name] != wanted:
                faults.append(f"{site}: {name} is {values[place][name]}, in the data files {wanted}")
    difference = round(expected["seattle"]["mean"] - expected["san_francisco"]["mean"], 2)
    if values["comparison"]["difference_of_means"] != difference:
        faults.append(f"comparison: {values['comparison']}, by the data files {difference}")
    return faults
