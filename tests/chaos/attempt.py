"""One trial under way: its run is triggered, held, hit, and followed to its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from demo.airflow_api import FINISHED, AirflowError
from tests.chaos.matrix import SERVER, Trial
from tests.chaos.processes import NotKilled
from tests.chaos.stage import Stage
from tests.chaos.victims import kill_own

TASK, READ = "run", "read"
RUN_SECONDS = 420.0
# Each look costs the API server as much as a task's heartbeat.
LOOK_SECONDS = 2.0
SUCCESS = "FINISHED:COMPLETED"


@dataclass
class Outcome:
    """What became of a trial.

    :param kill: which kill hit it; kills that hit several runs have one name. Empty: none did.
    :param missed: why there was none.
    :param wrong: what is not as promised.
    :param tries: how often the task was tried.
    :param seconds: from the trigger to the run's end.
    :param jobs: the statuses of the run's jobs in the federation's list.
    :param jobs_before: the same right before a server's kill.
    """

    trial: Trial
    kill: str = ""
    missed: str = ""
    wrong: list[str] = field(default_factory=list)
    tries: int = 0
    seconds: float = 0.0
    jobs: list[str] = field(default_factory=list)
    jobs_before: list[str] = field(default_factory=list)


class Attempt:
    """A trial's run.

    :param stage: where it happens.
    :param trial: what is tried.
    """

    def __init__(self, stage: Stage, trial: Trial) -> None:
        self._stage = stage
        self.trial = trial
        self.outcome = Outcome(trial)
        self._started = self._looked = time.monotonic()
        self.ended = False
        stage.stops.arm(trial.run, trial.cell.step)
        conf = {"pipeline": trial.pipeline, "sets": [{"value": value} for value in trial.values]}
        stage.airflow.trigger(trial.dag, conf, run_id=trial.run)

    @property
    def held(self) -> dict[str, Any] | None:
        """Who is held at the step; None as long as the run has not come there."""
        return self._stage.stops.stopped(self.trial.run, self.trial.cell.step)

    def hit(self) -> None:
        """Kill the trial's own victim if the run is held, and let go what is left of it."""
        stop = self.held
        if stop is None:
            return
        try:
            kill_own(self._stage, self.trial.cell, stop)
        except NotKilled as error:
            self.outcome.missed = str(error)
            self.release("")
        else:
            self.release(self.trial.run)

    def release(self, kill: str) -> None:
        """Let the run go on.

        :param kill: the kill that has hit it, empty for none.
        """
        self.outcome.kill = kill
        self._stage.stops.release(self.trial.run, self.trial.cell.step)

    def look(self) -> None:
        """See whether the run has ended, and what it gave; from time to time, however often it is called."""
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        path = f"/api/v2/dags/{self.trial.dag}/dagRuns/{self.trial.run}"
        state = self._stage.airflow.api("GET", path)["state"]
        seconds = now - self._started
        if state not in FINISHED and seconds < RUN_SECONDS:
            return
        self.ended = True
        self.outcome.seconds = round(seconds, 1)
        tasks = {task["task_id"]: task for task in self._stage.airflow.task_instances(self.trial.dag, self.trial.run)}
        self.outcome.tries = tasks[TASK]["try_number"]
        if state != "success":
            states = {name: task["state"] for name, task in tasks.items()}
            self.outcome.wrong.append(f"the run is {state}, its tasks {states}")
        else:
            self._check_values()

    def _check_values(self) -> None:
        try:
            read = self._stage.airflow.xcom(self.trial.dag, self.trial.run, READ)
        except AirflowError as error:
            self.outcome.wrong.append(f"no results: {error}")
            return
        values = [result["value"] for result in read["results"]]
        if values != self.trial.values:
            self.outcome.wrong.append(f"the results are {values}")

    def note_jobs(self, all_jobs: list[dict[str, Any]]) -> None:
        """Note what the federation has right before its server is killed.

        :param all_jobs: as :meth:`Stage.jobs` gives it.
        """
        self.outcome.jobs_before = _statuses(self._own(all_jobs))
        if self.trial.needs_running_job and any(status.startswith("FINISHED") for status in self.outcome.jobs_before):
            self.outcome.missed = "its job had ended before the server was killed"

    def _own(self, all_jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        jobs = [job for job in all_jobs if job["name"].rpartition("-")[2] == self.trial.run]
        return sorted(jobs, key=lambda job: str(job["submit_time"]))

    def check_jobs(self, all_jobs: list[dict[str, Any]]) -> None:
        """Compare with the federation's own list of jobs: one job, and after a server's kill one good one.

        :param all_jobs: as :meth:`Stage.jobs` gives it.
        """
        jobs = self._own(all_jobs)
        statuses = self.outcome.jobs = _statuses(jobs)
        good = statuses.count(SUCCESS)
        unended = [status for status in statuses if not status.startswith("FINISHED")]
        submits = self._stage.stops.submits(self.trial.run)
        if good != 1 or unended or (len(statuses) > 1 and self.trial.cell.victim != SERVER):
            self.outcome.wrong.append(f"the federation has the jobs {statuses}")
        # An id that is submitted again replaces its job in the list: nvflare 2.6, job_manager.create.
        if len(set(submits)) != len(submits) or not set(submits) <= {job["job_id"] for job in jobs}:
            self.outcome.wrong.append(f"submitted were the jobs {submits}, listed are {jobs}")


def _statuses(jobs: list[dict[str, Any]]) -> list[str]:
    return [str(job["status"]) for job in jobs]
