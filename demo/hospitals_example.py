"""Runs the hospitals' example, and checks its results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from demo.airflow_process import AirflowProcess

TRAINING = "hospitals_training"
EVALUATION = "hospitals_evaluation"
RUN_SECONDS = 300
# Who calls every tumour benign is right for 63 of 100 patients.
WANTED_ACCURACY = 0.9
PNG = b"\x89PNG\r\n\x1a\n"


def run(airflow: AirflowProcess, tell: Callable[[str], None]) -> list[str]:
    """Train a model, and have it evaluated; print what came out, and where to look at it.

    :param airflow: the demonstration's
    :param tell: gets a line at each step
    :return: what is wrong with the results
    :raises AirflowError: when one of the runs fails
    :raises TimeoutError: when one does not end
    """
    tell(f"Triggering the DAG {TRAINING}, which triggers {EVALUATION}")
    training = airflow.trigger(TRAINING)
    airflow.wait_for_success(TRAINING, training, RUN_SECONDS)
    evaluation = airflow.xcom(TRAINING, training, "evaluate", "trigger_run_id")
    airflow.wait_for_success(EVALUATION, evaluation, RUN_SECONDS)
    tell("Both runs have succeeded")
    plot = airflow.xcom(EVALUATION, evaluation, "draw")
    print(f"\n{airflow.xcom(EVALUATION, evaluation, 'compare')}\n")
    print(f"training         {airflow.url}/dags/{TRAINING}/runs/{training}")
    print(f"evaluation       {airflow.url}/dags/{EVALUATION}/runs/{evaluation}")
    print(f"plot             {plot}", flush=True)
    return wrong_results(airflow.xcom(EVALUATION, evaluation, "evaluate"), plot)


def wrong_results(quality: dict[str, dict[str, float]], plot: str) -> list[str]:
    """Look at what the evaluation found; gives what is wrong with it."""
    faults = []
    accuracy = quality["federated"]["accuracy"]
    if accuracy < WANTED_ACCURACY:
        faults.append(f"The federated model's accuracy is {accuracy:.1%}, below {WANTED_ACCURACY:.0%}.")
    if not Path(plot.removeprefix("file://")).read_bytes().startswith(PNG):
        faults.append(f"{plot} is no picture.")
    return faults
