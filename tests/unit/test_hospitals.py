"""The hospitals' example without a federation: who has which patients, and the model."""

from __future__ import annotations

import importlib.util

import hospital_model
import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowFailException
from hospital_data import SITES, extract, split, together
from sklearn.datasets import load_breast_cancer

from demo.demonstration import ROOT


def _rows(patients):
    return {tuple(row) for row in np.column_stack(patients)}


def test_every_patient_is_at_one_site_or_held_out():
    sites, held_out = split()
    parts = [*sites.values(), held_out]
    rows = [_rows(part) for part in parts]
    everybody = load_breast_cancer()
    assert set(sites) == set(SITES)
    assert [len(part) for part in rows] == [len(part.features) for part in parts]
    assert sum(len(part) for part in rows) == len(everybody.target)
    assert set.union(*rows) == _rows((everybody.data, 1 - everybody.target))


def test_all_parts_have_their_share_of_malignant_tumours():
    sites, held_out = split()
    share = 1 - load_breast_cancer().target.mean()
    for part in (*sites.values(), held_out):
        assert part.malignant.mean() == pytest.approx(share, abs=0.005)
    assert len(held_out.malignant) == pytest.approx(569 / 5, abs=1)
    assert {len(part.malignant) for part in sites.values()} <= {151, 152}


def test_a_sites_file_has_its_own_patients_as_they_are(tmp_path):
    extract(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(SITES)
    for site, patients in split()[0].items():
        rows = np.loadtxt(tmp_path / site / "patients.csv", delimiter=",", skiprows=1)
        np.testing.assert_array_equal(rows, np.column_stack(patients))


def test_the_mean_of_the_sites_statistics_is_that_of_all_patients():
    sites, _ = split()
    untrained = hospital_model.untrained(30)
    statistics = [hospital_model.with_statistics(untrained, part.features) for part in sites.values()]
    numbers = [len(part.features) for part in sites.values()]
    of_all = hospital_model.with_statistics(untrained, together(sites).features)
    np.testing.assert_allclose(np.average(statistics, axis=0, weights=numbers), of_all, rtol=1e-12)


def test_training_is_downhill_and_never_overflows():
    patients = together(split()[0])
    losses = [
        hospital_model.quality(hospital_model.trained_alone(*patients, 0.5, rounds), *patients)["loss"]
        for rounds in (0, 1, 5)
    ]
    assert losses[0] == pytest.approx(np.log(2))
    assert losses == sorted(losses, reverse=True)
    with np.errstate(over="raise"):
        hospital_model.quality(hospital_model.trained_alone(*patients, 1000.0, 3), *patients)


@pytest.fixture(scope="module")
def compare():
    spec = importlib.util.spec_from_file_location("hospitals_evaluation", ROOT / "dags" / "hospitals_evaluation.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.evaluation.get_task("compare").python_callable


def test_the_evaluation_fails_where_the_federated_model_is_more_than_two_points_below(compare):
    pooled = {"accuracy": 0.97, "loss": 0.1}
    assert "95.5 %" in compare({"federated": {"accuracy": 0.955, "loss": 0.1}, "pooled": pooled})
    with pytest.raises(AirflowFailException, match="more than 2% below"):
        compare({"federated": {"accuracy": 0.945, "loss": 0.1}, "pooled": pooled})
