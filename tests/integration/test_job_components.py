"""What the controller that a job brings with it says of the sites that failed, in the federation's interpreter."""

from __future__ import annotations

import json
import subprocess

import pytest

from demo.demonstration import FEDERATION_PYTHON, ROOT

pytestmark = pytest.mark.federation

ASK = """
import json, sys
sys.path.insert(0, sys.argv[1])
from airflow_provider_dfm.remote.job_components import ResultsController
controller = ResultsController.__new__(ResultsController)
controller.__dict__.update(json.loads(sys.argv[2]), _job_controller=None)
print(json.dumps(controller._failures()))
"""
NOTHING = {
    "_answers": {},
    "_not_reached": {},
    "_client_names": ["north", "south"],
    "_task_timeout_s": 60,
    "_out_of_time": False,
}


@pytest.mark.parametrize(
    ("known", "failures"),
    [
        ({}, dict.fromkeys(["north", "south"], "died, or went away, before it had finished")),
        ({"_answers": {"north": ""}, "_out_of_time": True}, {"south": "did not finish within 60 s"}),
        # The other one was told to stop.
        ({"_answers": {"north": "ERROR: no disk"}}, {"north": "ERROR: no disk"}),
        ({"_not_reached": {"south": "no reply"}}, {"south": "no reply"}),
    ],
)
def test_a_site_is_blamed_for_what_it_did_not_do(known, failures):
    command = [str(FEDERATION_PYTHON), "-c", ASK, str(ROOT), json.dumps(NOTHING | known)]
    assert json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) == failures


LOSE = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from airflow_provider_dfm.remote import job_components
job_components.Controller.handle_event = lambda self, event_type, fl_ctx: None
controller = job_components.ResultsController.__new__(job_components.ResultsController)
told = []
controller.__dict__.update(
    _answers={"north": ""}, _not_reached={}, _client_names=["north", "south"], _job_controller=None, _out_of_time=False,
    _task_timeout_s=0, _folder=sys.argv[2], _fl_ctx=None, _abort_signal=SimpleNamespace(triggered=False),
    _has_ended=False,
)
controller.system_panic = lambda reason, fl_ctx: told.append(reason)
for site in ("north", "south"):
    controller.handle_event("_client_disconnected", SimpleNamespace(get_prop=lambda name: site))
kept = os.path.join(sys.argv[2], "failures.json")
print(json.dumps([told, json.load(open(kept))]))
"""


def test_a_site_that_the_server_has_lost_fails_the_job_by_its_name(tmp_path):
    command = [str(FEDERATION_PYTHON), "-c", LOSE, str(ROOT), str(tmp_path)]
    told, kept = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert kept == {"south": "died, or went away, before it had finished"}
    assert told == ["DFM job failed: south: died, or went away, before it had finished"]


PASS_ON = """
import json, sys
sys.path.insert(0, sys.argv[1])
from types import SimpleNamespace
from airflow_provider_dfm.remote import job_components
job_components.token_package = lambda token: token
controller = job_components.ResultsController.__new__(job_components.ResultsController)
failures = []
def route(token):
    raise RuntimeError("a token for place 'in' did not reach denver: denver answered COMMUNICATION_ERROR")
token = {"target_site": "denver"}
controller.__dict__.update(
    _tokens={"seattle": SimpleNamespace(check_token=lambda line: token)},
    _router=SimpleNamespace(route_token_package_sync=route),
)
controller._fail = lambda *failure: failures.append(failure)
try:
    controller._take_token("seattle", ["{}"])
except RuntimeError:
    print(json.dumps(failures))
"""


def test_a_site_that_does_not_take_a_token_is_blamed_and_not_the_one_that_sent_it():
    command = [str(FEDERATION_PYTHON), "-c", PASS_ON, str(ROOT)]
    failures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert failures == [["denver", "a token for place 'in' did not reach denver: denver answered COMMUNICATION_ERROR"]]


YIELD = """
import json, sys
sys.path.insert(0, sys.argv[1])
import threading
import numpy
from airflow_provider_dfm.remote.plain_tokens import PlainYields
from nv_dfm_core.api import ErrorToken
from nv_dfm_core.exec import Frame, Router, TokenPackage
from types import SimpleNamespace

class ToNowhere(Router):
    sent = []
    def _send_this_job_yield_token_package_sync(self, token):
        self.sent.append([token.target_place, *token.tagged_data])
    def _send_this_job_remote_token_package_sync(self, token):
        self.sent.append([token.target_place, token.tagged_data[0]])
    _send_other_job_remote_token_package_sync = None

def keep(buffer):
    raise RuntimeError("server answered COMMUNICATION_ERROR")

router = ToNowhere()
router.set_netrunner(SimpleNamespace(dfm_context=SimpleNamespace(
    job_id="job", this_site="seattle", homesite="analyst", telemetry_collector=None
)))
PlainYields(router, keep)

def route(place, data, is_yield=True):
    router.route_token_sync(
        to_job=None, to_site="analyst", to_place=place, is_yield=is_yield, frame=Frame.start_frame(num=0), data=data,
        node_id=None,
    )

route("numbers", numpy.arange(2))
route("lock", [threading.Lock()])
route("_dfm_discovery_", threading.Lock())
route("between sites", numpy.arange(2), is_yield=False)
class Unreadable:
    def __array__(self):
        raise OSError("no file caf" + chr(0xdce9))

route("unreadable", Unreadable())
route("error", ErrorToken.from_exception(ValueError("no file caf" + chr(0xdce9))))
failures = []
for large in (numpy.zeros(300_000), "x" * 2_000_000):
    try:
        route("large", {"nested": large})
    except Exception as error:
        failures.append(f"{type(error).__name__}: {error}")
print(json.dumps([router.sent, failures]))
"""


def test_a_value_that_does_not_arrive_is_no_fault_of_the_value():
    command = [str(FEDERATION_PYTHON), "-c", YIELD, str(ROOT)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    (numbers, lock, discovery, between, *_), failures = json.loads(done.stdout.splitlines()[-1])
    assert numbers[:2] == ["numbers", "airflow_provider_dfm.plain.1"]
    assert '"@array"' in numbers[2][0]
    assert lock[1] == "BaseModel", "an error of its set"
    error = lock[2]["data"]["errors"][0]
    assert "place 'lock' cannot leave this site" in error["message"]
    assert error["type"] == "NoPlainForm"
    assert discovery[1] == "airflow_provider_dfm.plain.1", "as advice, and no error of the job"
    assert json.loads(discovery[2][0])["token"] == "@dfm-error-token"
    assert between == ["between sites", "PickledObject"], "what sites send each other is theirs"
    assert len(failures) == 2
    for failure in failures:
        assert failure.startswith("NotKept: a value of 2")
        assert "server answered COMMUNICATION_ERROR" in failure


def test_an_error_that_names_a_file_in_another_encoding_is_one_that_the_server_takes():
    """Python has such names as halves of surrogate pairs, which the server refuses by the site's name."""
    command = [str(FEDERATION_PYTHON), "-c", YIELD, str(ROOT)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    *_, unreadable, error = json.loads(done.stdout.splitlines()[-1])[0]
    for place, tag, value in (unreadable, error):
        assert (place, tag) in (("unreadable", "BaseModel"), ("error", "BaseModel"))
        (told,) = value["data"]["errors"]
        assert "no file caf\ufffd" in told["message"]
        json.dumps(told, ensure_ascii=False).encode()
