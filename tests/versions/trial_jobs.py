"""The jobs that are tried on each version: one that succeeds, one that runs on, and one for each way to fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
import uuid
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.job import FederationJob
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.submit_once import Claim
from demo.flare_poc import SERVER, FlarePoc

SLEEP = Path(__file__).resolve().parents[1] / "federation" / "flare_jobs" / "sleep"
# Where the functions that build jobs, and what these need, are imported from.
JOB_FUNCTIONS = f"{SLEEP.parents[1]}:{SLEEP / 'app' / 'custom'}"
CONFIG = Path("app", "config")
WAIT_SECONDS = 120.0


def make_job(folder: Path, name: str, seconds: float = 0, **meta: Any) -> Path:
    """Write the job ``sleep`` with changes.

    :param folder: where to.
    :param name: the job's name, and its folder's.
    :param seconds: how long its sites wait; below 0 its server fails.
    :param meta: further keys of its meta.json.
    :return: the job's folder.
    """
    job = shutil.copytree(SLEEP, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    _change(job / "meta.json", lambda content: content.update(name=name, **meta))
    _change(job / CONFIG / "config_fed_server.json", lambda it: it["workflows"][0]["args"].update(seconds=seconds))
    return job


def claim_of_its_own() -> Claim:
    """For a job whose id is to be known before it is submitted."""
    return Claim(JobIdentity("test", "versions", "run", "task", -1, uuid.uuid4().hex, 1))


def wait_for_status(job: FederationJob, status: str) -> None:
    """Wait until a job has a status.

    :raises TimeoutError: it has not in time, or ended with another.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while (meta := job.get_job_meta()).status != status:
        if meta.has_ended or time.monotonic() > deadline:
            raise TimeoutError(f"Job {meta.job_id} ({meta.name}) is {meta.status}, not {status}")
        time.sleep(0.2)


class TrialJobs:
    """Submits the jobs of one version, all at once.

    :param session: an open session.
    :param poc: its federation.
    :param folder: where their folders are put.
    """

    def __init__(self, session: FederationSession, poc: FlarePoc, folder: Path) -> None:
        self._session = session
        self._poc = poc
        self._folder = folder
        self.submitted: dict[str, FederationJob] = {}
        self.status_after_abort = ""

    def __getitem__(self, kind: str) -> FederationJob:
        return self.submitted[kind]

    def submit(self) -> None:
        """Submit all of them, and do to those that run what they are to die of."""
        self._submit("running", seconds=600)
        self._submit("aborted", seconds=600)
        self._submit("server process killed", seconds=600)
        self._submit("raises", seconds=-1)
        everywhere = {"app": [SERVER, "seattle", "boston"]}
        self._submit("unknown site", mandatory_clients=["boston"], deploy_map=everywhere)
        self._submit(
            "no resources", resource_spec={"seattle": {"num_of_gpus": 8, "mem_per_gpu_in_GiB": 1}}, min_clients=2
        )
        self._submit_what_seattle_cannot_store()
        self._submit("two words")
        self.submitted["built"] = self._session.submit_job("built_jobs:sleep", job_arguments={"seconds": 0.1})
        wait_for_status(self["aborted"], "RUNNING")
        self["aborted"].cancel()
        self.status_after_abort = self["aborted"].get_job_meta().status
        self._kill_server_process(self["server process killed"])

    def submit_one_that_dies_at_a_site(self) -> FederationJob:
        """Submit a job whose process at Seattle ends as it starts."""
        deploy_map = {"app": [SERVER, "san_francisco"], "dying_app": ["seattle"]}
        job = make_job(self._folder, "site process dies", min_clients=2, deploy_map=deploy_map)
        shutil.copytree(job / "app", job / "dying_app")
        config = job / "dying_app" / "config" / "config_fed_client.json"
        _change(config, lambda it: it["executors"][0]["executor"].update(path="sleep_trial.EndsItself"))
        return self._session.submit_job(job)

    def wait(self) -> None:
        """Wait until all have ended but the one that is to run."""
        for kind, job in self.submitted.items():
            assert kind == "running" or job.wait_until_finished(WAIT_SECONDS), kind

    def _submit(self, kind: str, seconds: float = 0, claim: Claim | None = None, **meta: Any) -> None:
        folder = make_job(self._folder, kind, seconds, **meta)
        self.submitted[kind] = self._session.submit_job(folder, claim=claim)

    def _submit_what_seattle_cannot_store(self) -> None:
        claim = claim_of_its_own()
        # The folder that the site would make for the job.
        (self._poc.kits / "seattle" / claim.identity.job_id(0)).write_text("in the way")
        self._submit("cannot be stored", claim=claim, min_clients=2)

    def _kill_server_process(self, job: FederationJob) -> None:
        wait_for_status(job, "RUNNING")
        name = job.job_id.encode()
        for pid in self._poc.pids(SERVER):
            if name in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGKILL)


def _change(path: Path, change: Any) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content, indent=2))
