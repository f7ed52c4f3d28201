"""Keeps one pipeline running over three runs of a day: the first starts it, the second feeds it, the third ends it.

Each run sends the day's comparison over other days; the last one reads the results of all. One wants this where sets
come in over the day and belong together: their results are one job's, under one id, and what the sites hold ready for
the pipeline is made ready once. Where the sets of each run stand alone, a job for each is simpler.

The later runs find the job by the asset's event, which has the job's id and its day. A person triggers each run here,
with the day and its part in the form; on a schedule, both follow from the run's logical date.
"""

from __future__ import annotations

import datetime

from airflow.sdk import DAG, Asset, Param, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator, DfmResultsOperator, DfmSendParamsOperator
from airflow_provider_dfm.results import kept_results
from airflow_provider_dfm.sensors.job import FederationJobSensor

RUNNING = Asset("weather_running")
# The part of the day to the task with which it begins.
PARTS = {"first": "start", "middle": "send", "last": "send_last"}


def days_before(count: int) -> dict[str, str]:
    """A parameter set: so many days up to that of the run."""
    return {"start": f"{{{{ macros.ds_add(params.day, -{count}) }}}}", "end": "{{ params.day }}"}


with DAG(
    "weather_running",
    schedule=None,
    max_active_runs=1,
    default_args={"dfm_conn_id": "weather", "retries": 1, "retry_delay": datetime.timedelta(seconds=10)},
    params={
        "day": Param("2010-03-10", type="string", format="date", title="Day", description="Of 2010, from February on."),
        "part": Param("first", enum=list(PARTS), title="Part of the day", description="The first starts the pipeline."),
    },
    tags=["federation"],
    doc_md=__doc__,
):

    @task(inlets=[RUNNING])
    def find_job(params: dict | None = None, inlet_events=None) -> str | None:
        """The job that the day's first run has started; None in that run itself."""
        if params["part"] == "first":
            return None
        started = inlet_events[RUNNING]
        if not started or started[-1].extra["day"] != params["day"]:
            raise AirflowFailException(f"No pipeline runs for {params['day']}: the first run of the day starts it.")
        return started[-1].extra["job_id"]

    @task.branch
    def part_of_the_day(params: dict | None = None) -> str:
        """Where this run goes on."""
        return PARTS[params["part"]]

    start = DfmExecuteOperator(
        task_id="start",
        pipeline="pipelines:compare",
        input_params=days_before(30),
        autostop=False,
        # Should nobody end it.
        timeout=24 * 3600,
    )

    @task(outlets=[RUNNING])
    def tell(job_id: str, params: dict | None = None, outlet_events=None) -> None:
        """Let the day's later runs know of the job."""
        outlet_events[RUNNING].extra = {"job_id": job_id, "day": params["day"]}

    job_id = find_job()
    send = DfmSendParamsOperator(task_id="send", job_id=job_id, input_params=days_before(7))
    send_last = DfmSendParamsOperator(task_id="send_last", job_id=job_id, input_params=days_before(1), stop=True)
    wait = FederationJobSensor(task_id="wait", job_id=job_id, deferrable=True, poke_interval=2, timeout=1800)
    read = DfmResultsOperator(task_id="read", job_id=job_id)

    @task
    def report(read: dict) -> list[str]:
        """One line for each set of the day."""
        comparisons = [result.value for result in kept_results(read) if result.place == "comparison"]
        lines = [
            f"{one['first']['start']} to {one['first']['end']}: {one['first']['mean']} °C in {one['first']['site']}, "
            f"{one['second']['mean']} °C in {one['second']['site']}"
            for one in comparisons
        ]
        print("\n".join(lines))
        return lines

    job_id >> part_of_the_day() >> [start, send, send_last]
    tell(start.output)
    send_last >> wait >> read
    report(read.output)
