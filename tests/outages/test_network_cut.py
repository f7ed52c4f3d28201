"""A network that loses everything for a while costs time, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from demo.child_process import ChildProcess
from demo.demonstration import ROOT
from tests.outages.forms import LONG, long_form_only
from tests.outages.networks import Networks, why_no_networks

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

RUN_SECONDS = 2400
SUBMITS = ("submit", "submit without a reply")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What came of the cases of ``network_cut.py``."""
    missing = why_no_networks()
    if missing:
        pytest.skip(missing)
    folder = tmp_path_factory.mktemp("network-cut")
    log = folder / "log.txt"
    with Networks() as networks:
        settings = {"networks": networks.name, "folder": str(folder), "seconds": 120 if LONG else 20}
        command = [sys.executable, "-m", "tests.outages.network_cut", json.dumps(settings)]
        running = ChildProcess([*networks.airflow.command_prefix, *command], log, os.environ, ROOT)
        try:
            code = running.wait(RUN_SECONDS)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            running.stop()
    assert code == 0, log.read_text()
    return json.loads((folder / "outcomes.json").read_text())


@pytest.mark.parametrize(
    "case",
    ["waiting deferred", "waiting in_worker", *(pytest.param(case, marks=long_form_only) for case in SUBMITS)],
)
def test_after_the_cut_each_task_has_the_answer_of_one_job(outcomes, case):
    outcome = outcomes[case]
    assert outcome["state"] == "success", outcome["log"]
    assert outcome["answers"] == outcome["wanted"]
    assert outcome["completed"] == sorted(outcome["wanted"])


@pytest.mark.parametrize(("case", "state"), [("waiting deferred", "deferred"), ("waiting in_worker", "running")])
def test_tasks_that_wait_wait_on_through_the_cut(outcomes, case, state):
    assert outcomes[case]["seen"] == [[state, 1]]
    assert set(outcomes[case]["tries"]) == {1}
