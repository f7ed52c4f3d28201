"""Which patients each site has, and which nobody trains on; needs scikit-learn.

``python hospital_data.py FOLDER`` writes each site's part to ``FOLDER/<site>/patients.csv``, where its training looks
for it. The data comes with scikit-learn, no network is used, and the split is the same each time.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import StratifiedKFold, train_test_split

SITES = ("north", "south", "west")
SEED = 0


class Patients(NamedTuple):
    """Some of the patients.

    :param features: one row for each patient, of 30 measurements
    :param malignant: 1 or 0 for each patient
    """

    features: np.ndarray[Any, np.dtype[np.float64]]
    malignant: np.ndarray[Any, np.dtype[np.int64]]


def split() -> tuple[dict[str, Patients], Patients]:
    """Deal the patients out, each part with its share of the malignant ones.

    :return: each site's patients, and the fifth of all that is held out
    """
    data = load_breast_cancer()
    # The data set's own 1 is for benign.
    everybody = Patients(data.data, 1 - data.target)
    training, held_out = train_test_split(
        np.arange(len(data.target)), test_size=0.2, stratify=data.target, random_state=SEED
    )
    thirds = StratifiedKFold(len(SITES), shuffle=True, random_state=SEED).split(training, data.target[training])
    sites = {site: _choose(everybody, training[third]) for site, (_, third) in zip(SITES, thirds, strict=True)}
    return sites, _choose(everybody, held_out)


def together(parts: dict[str, Patients]) -> Patients:
    """All sites' patients in one: what a federation is there to do without."""
    return Patients(*(np.concatenate(columns) for columns in zip(*parts.values(), strict=True)))


def extract(folder: Path) -> None:
    """Write the file of each site.

    :param folder: the data folder; made if missing
    """
    header = ",".join([*load_breast_cancer().feature_names, "malignant"])
    for site, patients in split()[0].items():
        (folder / site).mkdir(parents=True, exist_ok=True)
        rows = np.column_stack(patients)
        np.savetxt(folder / site / "patients.csv", rows, fmt="%.10g", delimiter=",", header=header, comments="")


def _choose(everybody: Patients, chosen: np.ndarray[Any, np.dtype[np.int64]]) -> Patients:
    return Patients(everybody.features[chosen], everybody.malignant[chosen])


if __name__ == "__main__":
    extract(Path(sys.argv[1]))
