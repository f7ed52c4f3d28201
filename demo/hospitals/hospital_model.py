"""Logistic regression in numpy, as the sites train it and Airflow evaluates it.

A model is one array, as FLARE keeps and averages it, of three rows and a column for each feature:

- the means of the features,
- the means of their squares, both over all sites' patients: they standardise the features,
- the weights; the last column, of zero mean and unit square, is the intercept's.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

# Of gradient descent, in one round.
STEPS = 5


def untrained(features: int) -> Array:
    """The model before everything.

    :param features: how many there are, without the intercept
    """
    return np.zeros((3, features + 1))


def with_statistics(model: Array, features: Array) -> Array:
    """The model with the statistics of these patients.

    The mean of such models, weighted by their numbers of patients, has the statistics of all patients: FLARE's
    averaging makes that of the sites' answers, and no measurement leaves a site.

    :param model: whose weights are kept
    :param features: one row for each patient
    """
    columns = np.column_stack([features, np.zeros(len(features))])
    squares = np.column_stack([features**2, np.ones(len(features))])
    return np.array([columns.mean(axis=0), squares.mean(axis=0), model[2]])


def trained(model: Array, features: Array, malignant: Array, learning_rate: float) -> Array:
    """The model after one round: some steps of gradient descent, each over all these patients.

    :param model: where to start; it has statistics
    :param features: one row for each patient
    :param malignant: 1 or 0 for each patient
    :param learning_rate: how far each step goes
    """
    inputs = _standardised(model, features)
    weights = model[2].copy()
    for _ in range(STEPS):
        weights -= learning_rate * inputs.T @ (_sigmoid(inputs @ weights) - malignant) / len(inputs)
    return np.array([model[0], model[1], weights])


def trained_alone(features: Array, malignant: Array, learning_rate: float, rounds: int) -> Array:
    """The model that the same rounds give without a federation, on these patients alone.

    :param features: one row for each patient
    :param malignant: 1 or 0 for each patient
    :param learning_rate: how far each step goes
    :param rounds: how many there are
    """
    model = with_statistics(untrained(features.shape[1]), features)
    for _ in range(rounds):
        model = trained(model, features, malignant, learning_rate)
    return model


def quality(model: Array, features: Array, malignant: Array) -> dict[str, float]:
    """How well the model tells these patients' tumours.

    :param model: with statistics
    :param features: one row for each patient
    :param malignant: 1 or 0 for each patient
    :return: ``loss``, the mean negative log-likelihood, and ``accuracy``, from 0 to 1
    """
    scores = _standardised(model, features) @ model[2]
    # The likelihood of what the patient has is sigmoid(score) or sigmoid(-score).
    loss = np.logaddexp(0, np.where(malignant == 1, -scores, scores)).mean()
    return {"loss": float(loss), "accuracy": float(((scores > 0) == (malignant == 1)).mean())}


def _standardised(model: Array, features: Array) -> Array:
    means, squares = model[0], model[1]
    columns = np.column_stack([features, np.ones(len(features))])
    standardised: Array = (columns - means) / np.sqrt(squares - means**2)
    return standardised


def _sigmoid(scores: Array) -> Array:
    # Not 1 / (1 + exp(-scores)), which overflows.
    halves: Array = np.tanh(scores / 2)
    return (1 + halves) / 2
