"""The example whose pipeline is in the DAG file: arrays of two sites, and their pictures, on a real Airflow."""

from __future__ import annotations

import matplotlib.image
import numpy
import pytest

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.demonstration import expected_results

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

EXAMPLE = "weather_climate"
# Of each hour of the day, these months have as many measurements as they have days.
MONTHS = {1: ("2010-01-01", "2010-01-31"), 2: ("2010-02-01", "2010-02-28")}
COLD, WARM = (33, 102, 172), (178, 24, 43)


def test_a_mapped_pipeline_of_the_dag_file_gives_arrays_and_pictures_of_them(airflow, fields, tmp_path):
    run = airflow.trigger(EXAMPLE, conf={"first": 1, "last": 2})
    airflow.wait_for_success(EXAMPLE, run, 240)
    expected = {month: expected_results(*days) for month, days in MONTHS.items()}
    with FederationSession(read_settings(fields(), "test"), results_path=tmp_path) as session:
        for number, site in enumerate(("seattle", "san_francisco")):
            looked = airflow.xcom(EXAMPLE, run, "look", map_index=number)
            job_id = airflow.xcom(EXAMPLE, run, "climate", map_index=number)
            temperatures = next(row for row in session.results(job_id) if row.place == "temperatures").array()
            assert temperatures.shape == (2, 24)
            for month, hours in zip(MONTHS, temperatures, strict=True):
                assert hours.mean() == pytest.approx(expected[month][site]["mean"], abs=0.005)
            assert looked["site"] == site
            assert looked["warmest"]["Feb"] == f"{temperatures[1].argmax():02}:00, {temperatures[1].max():.1f} °C"
            picture = matplotlib.image.imread(looked["picture"].removeprefix("file://"))
            cells = (picture[15::30, 15::30] * 255).round().astype(int)
            assert cells.shape == (2, 24, 3)
            assert tuple(cells[numpy.unravel_index(temperatures.argmin(), (2, 24))]) == COLD
            assert tuple(cells[numpy.unravel_index(temperatures.argmax(), (2, 24))]) == WARM


def test_months_in_the_wrong_order_are_refused_before_a_job_is_submitted(airflow):
    run = airflow.trigger(EXAMPLE, conf={"first": 3, "last": 2})
    assert airflow.wait_for_run(EXAMPLE, run, 120) == "failed"
    assert "The first month, 3, is after the last, 2." in airflow.task_log(EXAMPLE, run, "months", 1)
