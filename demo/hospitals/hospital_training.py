"""What each site runs: FLARE asks it round by round to train the model on the site's own patients.

The first round collects the sites' statistics. In each later one a site reports how good the model is on its
patients as it came, and after the training.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import hospital_model
import numpy as np
import nvflare.client as flare

# How FLARE's NPModelPersistor calls the one array that it keeps.
MODEL = "numpy_key"


def read_patients(site: str) -> tuple[hospital_model.Array, hospital_model.Array]:
    """Read the site's own file, as ``extract_data.py`` writes it.

    :param site: the site's name
    :return: the features, and 1 or 0 for malignant or benign
    """
    rows = np.loadtxt(Path(os.environ["HOSPITAL_DATA"], site, "patients.csv"), delimiter=",", skiprows=1)
    return rows[:, :-1], rows[:, -1]


def main() -> None:
    """Answer FLARE until the job is done."""
    options = argparse.ArgumentParser()
    options.add_argument("--learning_rate", type=float, required=True)
    learning_rate = options.parse_args().learning_rate
    flare.init()
    patients = read_patients(flare.get_site_name())
    while flare.is_running():
        received = flare.receive()
        model = np.asarray(received.params[MODEL], dtype=np.float64)
        metrics = None
        if received.current_round == 0:
            model = hospital_model.with_statistics(model, patients[0])
        else:
            before = hospital_model.quality(model, *patients)
            model = hospital_model.trained(model, *patients, learning_rate)
            after = hospital_model.quality(model, *patients)
            metrics = before | {f"{name}_after_training": value for name, value in after.items()}
        weight = {"NUM_STEPS_CURRENT_ROUND": len(patients[0])}
        flare.send(flare.FLModel(params={MODEL: model}, metrics=metrics, meta=weight))


if __name__ == "__main__":
    main()
