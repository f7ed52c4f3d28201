"""What the sensors refuse, or warn of, in mode reschedule."""

from __future__ import annotations

import warnings

import pytest
from airflow.dag_processing.dagbag import DagBag

from airflow_provider_dfm.sensors.federation import FederationReadySensor
from airflow_provider_dfm.sensors.job import FederationJobSensor

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
SENSORS = [(FederationJobSensor, {"job_id": JOB}), (FederationReadySensor, {})]
DAG = """
import pendulum
from airflow.sdk import DAG
from airflow_provider_dfm.sensors.job import FederationJobSensor
with DAG("waits", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC")):
    FederationJobSensor(task_id="wait", job_id="1", mode="reschedule", poke_interval=5)
"""


def test_a_job_that_could_not_be_aborted_between_two_looks_is_refused_as_the_dag_is_read():
    with pytest.raises(ValueError, match=r"nothing runs that could abort the job\. Use deferrable=True or mode poke"):
        FederationJobSensor(task_id="wait", job_id=JOB, mode="reschedule", cancel_on_kill=True)


@pytest.mark.parametrize("way", [{"mode": "poke"}, {"mode": "reschedule", "deferrable": True}])
def test_one_that_can_be_is_not(way):
    assert FederationJobSensor(task_id="wait", job_id=JOB, cancel_on_kill=True, **way).cancel_on_kill


@pytest.mark.parametrize(("kind", "arguments"), SENSORS)
def test_a_short_pause_between_two_looks_is_warned_of(kind, arguments, caplog):
    with pytest.warns(UserWarning, match="Sensor 'wait' in mode reschedule has poke_interval=5: below 10 s"):
        kind(task_id="wait", mode="reschedule", poke_interval=5, **arguments)
    assert "poke_interval=5" in caplog.text


@pytest.mark.parametrize(("kind", "arguments"), SENSORS)
@pytest.mark.parametrize(
    "way",
    [
        {"mode": "reschedule", "poke_interval": 10},
        {"mode": "poke", "poke_interval": 1},
        {"mode": "reschedule", "deferrable": True, "poke_interval": 1},
    ],
)
def test_others_are_not(kind, arguments, way):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kind(task_id="wait", **arguments, **way)


def test_airflow_shows_the_warning_with_the_dag_file(tmp_path):
    file = tmp_path / "waits.py"
    file.write_text(DAG)
    bag = DagBag(tmp_path, bundle_path=tmp_path)
    assert "waits" in bag.dags
    assert any("poke_interval=5" in text for text in bag.captured_warnings[str(file)])
