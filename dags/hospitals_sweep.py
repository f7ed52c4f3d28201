"""Trains the hospitals' model with several learning rates at the same time, and says which was best.

Best is the lowest loss that the hospitals report in the last round, on the patients they train on.
"""

from __future__ import annotations

from airflow.sdk import DAG, ObjectStoragePath, task

from airflow_provider_dfm.operators.flare import FlareDownloadResultOperator, FlareSubmitJobOperator

ROUNDS = 5
LEARNING_RATES = (0.02, 0.2, 2.0)

with DAG(
    "hospitals_sweep",
    schedule=None,
    default_args={"dfm_conn_id": "hospitals"},
    tags=["federation"],
    doc_md=__doc__,
):
    train = FlareSubmitJobOperator.partial(
        task_id="train",
        job_definition_path="hospital_jobs:training",
        deferrable=True,
        poll_interval=2,
        timeout=1800,
        map_index_template="{{ task.job_arguments['learning_rate'] }}",
    ).expand(job_arguments=[{"rounds": ROUNDS, "learning_rate": rate} for rate in LEARNING_RATES])

    download = FlareDownloadResultOperator.partial(task_id="download", paths=["workspace/**"]).expand(
        job_id=train.output
    )

    @task
    def choose(downloads: list[dict]) -> dict:
        """Print a table of the trainings; gives the learning rate, loss and job of the best."""
        from hospital_results import read_arguments, read_metrics

        trees = {download["job_id"]: ObjectStoragePath(download["uri"]) for download in downloads}
        trainings = [
            {
                "learning_rate": read_arguments(tree)["learning_rate"],
                "loss": read_metrics(tree)[-1]["all"]["loss"],
                "job_id": job_id,
            }
            for job_id, tree in trees.items()
        ]
        trainings.sort(key=lambda training: training["loss"])
        for training in trainings:
            print("learning rate {learning_rate:<5} loss {loss:.4f}, job {job_id}".format(**training))
        return trainings[0]

    choose(download.output)
