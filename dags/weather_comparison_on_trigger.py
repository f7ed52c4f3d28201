"""Compares the temperatures of two sites over dates of your choice: press Trigger and fill in the form.

All dates are of 2010, the year that the sites hold measurements of.
"""

from __future__ import annotations

import datetime
from pathlib import Path

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmResultsOperator
from airflow_provider_dfm.params import dfm_params
from airflow_provider_dfm.results import kept_results

# python -m airflow_provider_dfm.parameters --conn-id weather pipelines:compare dags/weather_comparison.parameters.json
PARAMETERS = Path(__file__).with_name("weather_comparison.parameters.json")
SITES = ["seattle", "san_francisco"]

with DAG(
    "weather_comparison_on_trigger",
    schedule=None,
    default_args={"dfm_conn_id": "weather"},
    params={
        **dfm_params(
            PARAMETERS, start=Param("2010-01-01", title="First day"), end=Param("2010-01-31", title="Last day")
        ),
        "first": Param("seattle", type="string", enum=SITES, title="First site"),
        "second": Param("san_francisco", type="string", enum=SITES, title="Second site"),
    },
    tags=["federation"],
    doc_md=__doc__,
):

    @task
    def check_form(params: dict | None = None) -> None:
        """Refuse what the form's fields cannot: dates that do not fit together."""
        start, end = (datetime.date.fromisoformat(params[name]) for name in ("start", "end"))
        if start > end:
            raise AirflowFailException(f"The first day, {start}, is after the last day, {end}.")
        if start.year != 2010 or end.year != 2010:
            raise AirflowFailException(f"The sites hold measurements of 2010 only, not from {start} to {end}.")

    compare = DfmExecuteOperator(
        task_id="compare",
        pipeline="pipelines:compare",
        pipeline_arguments={"first": "{{ params.first }}", "second": "{{ params.second }}"},
        input_params={"start": "{{ params.start }}", "end": "{{ params.end }}"},
        deferrable=True,
        poll_interval=2,
        timeout=1800,
    )
    read = DfmResultsOperator(task_id="read", job_id="{{ ti.xcom_pull('compare') }}")

    @task
    def report(read: dict) -> str:
        """Print a table of what came back."""
        rows = [result.value for result in kept_results(read) if result.place in ("first", "second")]
        lines = [f"{'site':<15} {'days':<25} {'measurements':>12} {'mean °C':>8} {'min °C':>8} {'max °C':>8}"]
        for row in rows:
            days = f"{row['start']} to {row['end']}"
            lines.append(
                f"{row['site']:<15} {days:<25} {row['measurements']:>12} {row['mean']:>8} {row['minimum']:>8} "
                f"{row['maximum']:>8}"
            )
        comparison = next(result.value for result in kept_results(read) if result.place == "comparison")
        lines.append(f"warmer: {comparison['warmer']}, by {abs(comparison['difference_of_means'])} °C")
        table = "\n".join(lines)
        print(table)
        return table

    check_form() >> compare >> read
    report(read.output)
