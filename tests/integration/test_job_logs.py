"""What a task sees of its job's logs and sites, on nvflare 2.9.0 and 2.6.3."""

from __future__ import annotations

import json
import logging
import shutil
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import JobFailed, JobNotFound
from airflow_provider_dfm.federation.job_logs import LEFT_OUT
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_end import conclude
from airflow_provider_dfm.hooks.job_wait import JobWait, wait_for_job
from airflow_provider_dfm.hooks.job_watch import JobWatch
from airflow_provider_dfm.hooks.log_follower import LogFollower

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

JOBS = Path(__file__).resolve().parents[1] / "federation" / "flare_jobs"
SITES = ["san_francisco", "seattle"]
UNKNOWN = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


class Watched:
    """A job that was waited for as a task does, and what the task's log and the federation said of it.

    :param hook: the connection's.
    :param job_id: the job.
    :param follow: whether its log is shown, as it is where a task waits in its own process.
    """

    def __init__(self, hook, job_id, follow=False):
        self.job_id = job_id
        self.lines = Lines()
        log = logging.Logger(job_id)
        log.addHandler(self.lines)
        follower = LogFollower(hook, job_id, log) if follow else None
        self.event = wait_for_job(JobWatch(hook), JobWait(job_id, time.time() + 120, log), 0.5, follower)
        self.waited = list(self.lines.messages)
        self.error = ""
        try:
            conclude({}, hook, self.event, log, abort_on_timeout=False)
        except JobFailed as error:
            self.error = str(error)


@pytest.fixture(scope="module", params=["2.9.0", "2.6.3"])
def seen(request, tmp_path_factory):
    """The jobs of one federation, which ran side by side."""
    made = (
        request.getfixturevalue("plain_fields")() if request.param == "2.9.0" else request.getfixturevalue("fields")()
    )
    connection = Connection(conn_id="logs", conn_type="dfm", login=made.pop("user"), extra=json.dumps(made))
    too_many = shutil.copytree(JOBS / "talk", tmp_path_factory.mktemp("jobs") / "talk")
    meta = json.loads((too_many / "meta.json").read_text())
    (too_many / "meta.json").write_text(json.dumps(meta | {"min_clients": 3}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_LOGS", connection.as_json())
        with DfmHook("logs") as hook:
            # While it waits, which is not long in this federation.
            unscheduled = Watched(hook, hook.submit_job(str(too_many)).job_id, follow=False)
            ids = [hook.submit_job(str(folder)).job_id for folder in (JOBS / "talk", JOBS / "fail")]
            running = _sites_while_running(hook, ids[0])
            talk, fail = (Watched(hook, job_id, follow=job_id == ids[0]) for job_id in ids)
            yield SimpleNamespace(
                version=request.param, hook=hook, running=running, talk=talk, fail=fail, unscheduled=unscheduled
            )


def _sites_while_running(hook, job_id):
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        sites = hook.get_job_sites(job_id)
        if all(sites[name].state == "started" for name in ["server", *SITES] if name in sites) and len(sites) == 3:
            return sites
    raise AssertionError("the job did not start at all sites")


def _said(messages):
    """The numbers that the server said, in the order in which they are there."""
    return [message.partition("the server says ")[2][0] for message in messages if "the server says " in message]


def test_the_lines_of_the_servers_log_are_shown_while_the_job_runs_each_once_and_in_order(seen):
    shown = [message.removeprefix("server | ") for message in seen.talk.waited if message.startswith("server | ")]
    shown = [line for line in shown if line != LEFT_OUT and not line.startswith("(the rest of this log")]
    log = [line for line in seen.hook.get_job_logs(seen.talk.job_id).logs["server"].splitlines() if line.strip()]
    first = log.index(shown[0])
    assert shown == log[first : first + len(shown)]
    assert _said(shown) == ["1", "2", "3"]
    assert first == 0 or any(LEFT_OUT in message for message in seen.talk.waited)
    # A server of 2.6 has put its log away before it says that the job has ended.
    assert seen.version == "2.6.3" or first + len(shown) == len(log)


def test_where_the_job_was_brought_is_told_when_it_runs(seen):
    told = f"Job {seen.talk.job_id} was brought to its sites: "
    sites = next(message.removeprefix(told) for message in seen.talk.waited if message.startswith(told))
    assert sorted(sites.split("; ")) == ["san_francisco: OK", "seattle: OK", "server: OK"]


@pytest.mark.parametrize("target", ["seattle", "all"])
def test_the_logs_of_sites_are_read_after_the_jobs_end(seen, target):
    logs = seen.hook.get_job_logs(seen.talk.job_id, target, grep_pattern=" says ")
    assert logs.unavailable == {}
    assert sorted(logs.logs) == (["seattle"] if target == "seattle" else [*SITES, "server"])
    said = [line.partition(" - seattle ")[2] for line in logs.logs["seattle"].splitlines()]
    assert said == ["says 1", "says 2", "says 3"]


def test_the_last_lines_are_chosen_before_those_with_the_text(seen):
    last = seen.hook.get_job_logs(seen.talk.job_id, tail_lines=2).logs["server"].splitlines()
    assert len(last) == 2
    assert seen.hook.get_job_logs(seen.talk.job_id, tail_lines=2, grep_pattern=" says ").logs == {"server": ""}


def test_a_site_that_nobody_knows_has_no_log_and_an_unknown_job_is_an_error(seen):
    logs = seen.hook.get_job_logs(seen.talk.job_id, "nowhere")
    assert logs.logs == {}
    assert "invalid target: nowhere" in logs.unavailable["nowhere"]
    for target in ("server", "seattle"):
        with pytest.raises(JobNotFound):
            seen.hook.get_job_logs(UNKNOWN, target)


def test_a_running_jobs_sites_have_a_state(seen):
    assert {name: (site.deploy, site.state) for name, site in seen.running.items()} == dict.fromkeys(
        ["server", *SITES], ("OK", "started")
    )


def test_the_error_of_a_failed_job_names_the_site_and_what_it_raised(seen):
    assert (
        seen.fail.error == "site seattle: RuntimeError: no data here. "
        f"Job {seen.fail.job_id} (fail) ended as FINISHED:EXECUTION_EXCEPTION."
    )
    told = seen.fail.lines.messages[len(seen.fail.waited) :]
    assert "seattle | RuntimeError: no data here" in told
    assert any(
        message.startswith("server | ") and "FATAL_SYSTEM_ERROR received: seattle" in message for message in told
    )
    assert not any(message.endswith("Server runner finished.") for message in told), "nothing of the shut-down"


def test_an_ended_jobs_sites_have_their_last_errors(seen):
    sites = seen.hook.get_job_sites(seen.fail.job_id, error_lines=3)
    assert {name: (site.deploy, site.state, site.unread) for name, site in sites.items()} == dict.fromkeys(
        ["server", *SITES], ("OK", "", "")
    )
    assert "RuntimeError: no data here" in sites["seattle"].errors
    assert len(sites["seattle"].errors) <= 3
    assert sites["san_francisco"].errors == []
    assert "seattle answered" in sites["server"].errors[-1]


def test_a_job_that_waits_says_why(seen):
    why = f"The server has not started job {seen.unscheduled.job_id}: connected sites (2) < min_sites (3)"
    assert seen.unscheduled.waited.count(why) == 1


def test_a_job_that_could_not_be_scheduled_says_why(seen):
    assert seen.unscheduled.error.startswith("connected sites (2) < min_sites (3);")
    assert seen.unscheduled.error.endswith("ended as FINISHED:CAN_NOT_SCHEDULE.")
