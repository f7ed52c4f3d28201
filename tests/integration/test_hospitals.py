"""The second example: a model trained by a federation without DFM, from its DAGs to the picture."""

from __future__ import annotations

import time
from pathlib import Path

import hospital_model
import numpy as np
import pytest
from hospital_data import SITES, split
from hospital_results import read_metrics, read_model

from demo.demonstration import hospital_fields
from demo.hospitals_example import EVALUATION, PNG, TRAINING

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

SWEEP = "hospitals_sweep"
ROUNDS = 4


@pytest.fixture(scope="module")
def runs(airflow, hospitals):
    """A run of the training and one of the sweep, at the same time."""
    airflow.add_connection("hospitals", "dfm", login=hospitals.admin, extra=hospital_fields(hospitals))
    started = {TRAINING: airflow.trigger(TRAINING, conf={"rounds": ROUNDS}), SWEEP: airflow.trigger(SWEEP)}
    for dag, run in started.items():
        airflow.wait_for_success(dag, run, 240)
    return started


@pytest.fixture(scope="module")
def evaluation(airflow, runs):
    """The run of the evaluation that the training triggered."""
    run = airflow.xcom(TRAINING, runs[TRAINING], "evaluate", "trigger_run_id")
    airflow.wait_for_success(EVALUATION, run, 120)
    return run


def _averaged(learning_rate, rounds):
    """What federated averaging gives, computed here."""
    sites = split()[0].values()
    numbers = [len(patients.features) for patients in sites]
    untrained = hospital_model.untrained(30)
    answers = [hospital_model.with_statistics(untrained, patients.features) for patients in sites]
    for _ in range(rounds):
        model = np.average(answers, axis=0, weights=numbers)
        answers = [hospital_model.trained(model, *patients, learning_rate) for patients in sites]
    return np.average(answers, axis=0, weights=numbers)


def test_the_federation_trains_the_model_that_averaging_gives(airflow, runs, evaluation):
    download = airflow.xcom(EVALUATION, evaluation, "download")
    assert download["job_id"] == airflow.xcom(TRAINING, runs[TRAINING], "train")
    tree = Path(download["uri"].removeprefix("file://"))
    np.testing.assert_allclose(read_model(tree), _averaged(0.5, ROUNDS), rtol=1e-9, atol=1e-12)
    reported = read_metrics(tree)
    assert len(reported) == ROUNDS
    for sites in reported:
        assert set(sites) == {"all", *SITES}
        assert all(sites[site]["loss_after_training"] < sites[site]["loss"] for site in SITES)


def test_the_evaluation_measures_draws_and_prints(airflow, evaluation):
    quality = airflow.xcom(EVALUATION, evaluation, "evaluate")
    assert set(quality) == {"federated", "pooled", *(f"{site} alone" for site in SITES)}
    expected = hospital_model.quality(_averaged(0.5, ROUNDS), *split()[1])
    assert quality["federated"] == pytest.approx(expected)
    assert quality["federated"]["accuracy"] >= quality["pooled"]["accuracy"] - 0.02
    table = airflow.xcom(EVALUATION, evaluation, "compare")
    assert all(line in airflow.task_log(EVALUATION, evaluation, "compare") for line in table.splitlines())
    plot = Path(airflow.xcom(EVALUATION, evaluation, "draw").removeprefix("file://"))
    assert plot.name == "training.png"
    assert plot.read_bytes().startswith(PNG)


def _states(airflow, run):
    return {(task["task_id"], task["state"]) for task in airflow.task_instances(EVALUATION, run)}


def test_without_a_job_id_the_latest_training_is_evaluated(airflow, runs):
    run = airflow.trigger(EVALUATION)
    deadline = time.monotonic() + 60
    while ("find_job", "success") not in _states(airflow, run):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert airflow.xcom(EVALUATION, run, "find_job") == airflow.xcom(TRAINING, runs[TRAINING], "train")
    # The rest is as in the run that the training triggered.
    airflow.api("PATCH", f"/api/v2/dags/{EVALUATION}/dagRuns/{run.replace('+', '%2B')}", {"state": "failed"})


def test_the_sweep_finds_the_learning_rate_of_the_lowest_loss(airflow, runs):
    best = airflow.xcom(SWEEP, runs[SWEEP], "choose")
    jobs = [airflow.xcom(SWEEP, runs[SWEEP], "train", map_index=index) for index in range(3)]
    assert len(set(jobs)) == 3
    assert (best["learning_rate"], best["job_id"]) == (2.0, jobs[2])
