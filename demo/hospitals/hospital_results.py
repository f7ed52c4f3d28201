"""Reads what a training leaves, in a job's tree as ``FlareDownloadResultOperator`` keeps it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


def read_model(tree: Path) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The trained model, of the form that :mod:`hospital_model` describes.

    :param tree: the job's tree, a path or its kin, such as ``ObjectStoragePath``
    """
    with (tree / "workspace" / "models" / "server.npy").open("rb") as file:
        model: np.ndarray[Any, np.dtype[np.float64]] = np.load(file)
    return model


def read_arguments(tree: Path) -> dict[str, Any]:
    """What the training was started with: ``learning_rate`` and ``rounds``.

    :param tree: the job's tree
    """
    path = tree / "workspace" / "app_server" / "config" / "config_fed_server.json"
    arguments: dict[str, Any] = json.loads(path.read_text())["training"]
    return arguments


def read_metrics(tree: Path) -> list[dict[str, dict[str, float]]]:
    """What the sites reported: for each round, for each site and for ``all``, its metrics by name.

    ``all`` has the means, weighted by the sites' numbers of patients.

    :param tree: the job's tree
    """
    lines = (tree / "workspace" / "metrics" / "round_metrics.jsonl").read_text().splitlines()
    return [_by_site(json.loads(line)) for line in lines]


def _by_site(record: dict[str, Any]) -> dict[str, dict[str, float]]:
    sites = {site["name"]: site["metrics"] for site in record["sites"]}
    reported = {"all": record["aggregated_metrics"]} | dict(sorted(sites.items()))
    return {name: {metric["name"]: metric["value"] for metric in metrics} for name, metrics in reported.items()}
