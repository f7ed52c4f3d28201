"""What can be asked of a running job of each version, and of one that has ended."""

from __future__ import annotations

import time

import pytest

from airflow_provider_dfm.federation.errors import FederationError, JobNotRunning, SitesMissing, VersionMismatch
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.hooks.job_monitor import MonitorReturnCode
from tests.versions.flare_versions import long_form_only

pytestmark = pytest.mark.federation

SITES = ["san_francisco", "seattle"]
ASKED = "assigned task to client"
COMMANDS = ["show_stats", "show_errors", "reset_errors", "do_app_command"]


@pytest.fixture(scope="module")
def running(session, jobs):
    """The id of a job that runs at all its sites; gives up after a minute."""
    job_id, ends = jobs["running"].job_id, time.monotonic() + 60
    while len(session.get_job_logs(job_id, grep_pattern=ASKED).logs.get("server", "").splitlines()) < len(SITES):
        assert time.monotonic() < ends, "the sites have not asked for their task"
        time.sleep(0.5)
    return job_id


def test_a_running_job_answers_what_it_has_registered(session, running):
    assert session.do_app_command(running, "trial.seconds", {"who": "test"}) == {
        "seconds": 600,
        "asked": {"who": "test"},
    }


def test_a_topic_that_no_job_has_registered_is_an_error(session, running, seen):
    with pytest.raises(FederationError, match=r"no\.such\.topic") as caught:
        session.do_app_command(running, "no.such.topic", {"who": "test"})
    seen("`do_app_command` of a topic that is not registered raises", str(caught.value).split(": ")[1])


def test_the_stats_of_a_running_job_are_by_server_and_site(session, running):
    stats = session.show_stats(running)
    assert sorted(stats) == [*SITES, "server"]
    assert stats["server"]["ServerRunner"]["job_id"] == running
    assert sorted(stats["server"]["AskToSleep"]["tasks"]["sleep"]) == SITES
    assert list(session.show_stats(running, "client", ["seattle"])) == ["seattle"]
    assert list(session.show_stats(running, "server")) == ["server"]


def test_the_errors_of_a_running_job_are_by_server_and_site(session, running, seen):
    errors = session.show_errors(running)
    assert sorted(errors) == [*SITES, "server"]
    session.reset_errors(running)
    seen("`show_errors` of a server without errors answers", str(errors["server"]))


def test_each_site_says_that_it_runs_the_job(session, running):
    states = {job["client_name"]: job["status"] for job in session.get_client_job_status() if job["job_id"] == running}
    assert states == dict.fromkeys(SITES, "started")
    assert running in [job.job_id for job in session.get_system_info().running_jobs]
    sites = session.get_job_sites(running)
    assert {name: (site.deploy, site.state) for name, site in sites.items()} == dict.fromkeys(
        ["server", *SITES], ("OK", "started")
    )


@pytest.mark.parametrize("target", ["server", "seattle"])
def test_files_of_a_target_are_listed_and_read(session, running, poc, target):
    assert session.get_working_directory(target).strip() == str(poc.kits / target)
    log = f"{running}/log.txt"
    assert log in session.ls_target(target, "-l", log)
    assert len(session.tail_target(target, "-n 2", log).splitlines()) == 2
    head = session.head_target(target, "-n 1", log).strip()
    assert session.cat_target(target, file=log).startswith(head)
    found = session.grep_target(target, "-n", "registered aux", log)
    assert "registered aux handler" in found
    assert all(line.partition(":")[0].isdigit() for line in found.splitlines())


def test_a_target_that_is_not_connected_is_named(session, running):
    with pytest.raises(SitesMissing, match="boston"):
        session.tail_target("boston", "-n 2", f"{running}/log.txt")


@pytest.mark.parametrize("target", ["server", "seattle", "all"])
def test_the_logs_of_a_running_job_are_given(session, running, target):
    logs = session.get_job_logs(running, target, tail_lines=3)
    assert logs.unavailable == {}
    assert sorted(logs.logs) == ([*SITES, "server"] if target == "all" else [target])
    assert all(len(text.splitlines()) == 3 for text in logs.logs.values())


@pytest.mark.parametrize("target", ["server", "seattle"])
def test_the_logs_of_an_ended_job_are_given(session, ended_jobs, target):
    logs = session.get_job_logs(ended_jobs["two words"].job_id, target, grep_pattern="sleep")
    assert logs.unavailable == {}
    assert "task_name=sleep" in logs.logs[target]


@pytest.mark.parametrize("command", COMMANDS)
def test_only_a_running_job_can_be_asked(session, ended_jobs, command):
    arguments = ["trial.seconds", {}] if command == "do_app_command" else []
    with pytest.raises(JobNotRunning, match=ended_jobs["two words"].job_id):
        getattr(session, command)(ended_jobs["two words"].job_id, *arguments)


@pytest.mark.airflow
def test_a_hook_monitors_a_job(connection, running, ended_jobs):
    statuses = []

    def look(hook, job_id, meta):
        statuses.append((job_id, meta.status))
        return False

    with DfmHook(connection) as hook:
        assert hook.monitor_job(running, timeout=0.2, poll_interval=0.1) is MonitorReturnCode.TIMEOUT
        assert hook.monitor_job(running, 0, 0.1, look) is MonitorReturnCode.ENDED_BY_CB
        assert statuses == [(running, "RUNNING")]
        assert hook.monitor_job(ended_jobs["two words"].job_id) is MonitorReturnCode.JOB_FINISHED


@long_form_only
def test_which_commands_the_client_library_has(session, running, seen):
    try:
        given = session.flare("get_job_logs", running, "seattle")
    except VersionMismatch:
        seen("`get_job_logs`", "there is none")
    else:
        seen("`get_job_logs`", f"there is; of a site whose log is not streamed: {given['unavailable']['seattle']}")
