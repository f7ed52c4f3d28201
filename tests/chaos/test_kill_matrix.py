"""The short form of the kill matrix: each victim, both ways of waiting, and the steps where most can go wrong."""

from __future__ import annotations

import itertools

import pytest

from tests.chaos.campaign import run_trials
from tests.chaos.matrix import SHORT, trials
from tests.chaos.stage import chaos_stage

pytestmark = [pytest.mark.federation, pytest.mark.airflow]


@pytest.fixture(scope="module")
def outcomes(federation, tmp_path_factory):
    """What became of each cell's run; they are killed a few at a time."""
    found = {}
    with chaos_stage(tmp_path_factory.mktemp("chaos"), federation) as stage:
        run_trials(
            stage,
            itertools.islice(trials(SHORT), len(SHORT)),
            lambda outcome: found.update({outcome.trial.cell: outcome}),
        )
    return found


@pytest.mark.parametrize("cell", SHORT, ids=str)
def test_a_kill_costs_no_result_and_no_second_submit(outcomes, cell):
    outcome = outcomes[cell]
    assert outcome.kill, "the run was never held at the step, so nothing was killed"
    assert not outcome.wrong
