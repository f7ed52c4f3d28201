"""What is sent to an open pipeline of the local target, where DFM fails on the way, in the federation's interpreter."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from demo.demonstration import FEDERATION, FEDERATION_PYTHON, ROOT
from tests.conftest import TRIALS

pytestmark = pytest.mark.federation

# A real prepared pipeline, and in the place of DFM's job one that cannot bring the tokens of these numbers at first.
DELIVER = """
import json, sys
sys.path[:0] = sys.argv[1:4]
import trial_pipelines
from nv_dfm_core.session import Session
from airflow_provider_dfm.remote.local_delivery import LocalDelivery
from airflow_provider_dfm.remote.sent_sets import SentSets
import tempfile

class Job:
    _homesite, job_id = "analyst", "job"
    def __init__(self, pipeline):
        self._pipeline, self.failing, self.tokens = pipeline, set(json.loads(sys.argv[4])), []
    def _send_token_package_internal(self, token):
        number = len(self.tokens)
        if number in self.failing:
            self.failing.remove(number)
            raise RuntimeError("the federation is gone")
        self.tokens.append([token.target_site, token.target_place, token.frame.frame, token.unwrap_data()])

job = Job(Session("trials", "analyst", target="local").prepare(trial_pipelines.echo_both()))
sent = SentSets(0, LocalDelivery(job).deliver)
sent.open(tempfile.mkdtemp())
failed = 0
for key, sets, stop in (("a", [{"value": 1}, {"value": 2}], False), ("b", [{"value": 3}], True)):
    while True:
        try:
            sent.send({"key": key, "content": "", "sets": sets, "stop": stop})
            break
        except RuntimeError:
            failed += 1
print(json.dumps([failed, job.tokens], default=repr))
"""


def _deliver(*failing):
    command = [str(FEDERATION_PYTHON), "-c", DELIVER, str(ROOT), str(FEDERATION), str(TRIALS), json.dumps(failing)]
    # DFM has its sites in the order of a set.
    seeded = os.environ | {"PYTHONHASHSEED": "0"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=seeded)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_retry_brings_what_was_not_brought_once_and_in_order():
    failed, whole = _deliver()
    assert failed == 0
    # At each of the two sites three sets of a value and a start, and the stop.
    assert len(whole) == 2 * (3 * 2 + 1)
    assert [value for _, place, _, value in whole if place == "value"] == [1, 1, 2, 2, 3, 3]
    assert [frame for *_, frame, _ in whole[-2:]] == ["stop", "stop"]
    assert _deliver(0, 3, 7, 13) == [4, whole]
