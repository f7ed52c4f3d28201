"""Many deferred tasks of one run, each with a job of its own that runs or waits, which are ended at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from demo.airflow_api import AirflowError
from tests.chaos.matrix import TRIGGERER
from tests.chaos.stage import Stage
from tests.chaos.victims import kill_shared, start_again

DAG = "end_many"
TASK = "run"
# More than asyncio's default pool has threads on two cores, and than the federation runs jobs at once.
TASKS = 12
# No job ends by itself before its task is ended.
JOB_SECONDS = 1800.0
DEFERRED_SECONDS = 420.0
# By then every job has to be aborted, and every log has to say so.
MINUTE = 60.0
PAUSE = 1.0
ABORTED = "FINISHED:ABORTED"

RUN_MARKED = "the run is marked failed"
TASKS_MARKED = "each task is marked failed"
SUCCESS_MARKED = "each task is marked success"
TRIGGERER_KILLED = "each task is marked failed, in two halves, and the triggerer is killed while it aborts the first"
MANNERS = (RUN_MARKED, TASKS_MARKED, SUCCESS_MARKED, TRIGGERER_KILLED)


@dataclass
class CrowdOutcome:
    """What became of the jobs of tasks that were ended at once.

    :param run: the DAG run.
    :param manner: how they were ended: one of ``MANNERS``.
    :param tasks: how many.
    :param aborted: how many of their jobs the federation's own list shows as aborted after a minute.
    :param named: how many logs say that the task's job was aborted.
    :param seconds: from the first mark to the list that shows the last of them.
    :param wrong: what is not as promised.
    """

    run: str
    manner: str
    tasks: int = TASKS
    aborted: int = 0
    named: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """All of it, as JSON knows it."""
        return asdict(self)


class Crowd:
    """The tasks of a run, started.

    :param stage: where.
    :param run: the DAG run's id, with which the names of all its jobs begin.
    """

    def __init__(self, stage: Stage, run: str) -> None:
        self._stage = stage
        self._run = run
        names = [f"{run}_{index:02d}" for index in range(TASKS)]
        conf = {"pipeline": "chaos_pipelines:sleep", "names": names, "sets": [{"value": JOB_SECONDS}]}
        stage.airflow.trigger(DAG, conf, run_id=run)

    def wait_until_deferred(self) -> None:
        """Wait until all tasks are deferred, and their triggers look for the jobs.

        :raises AirflowError: not in time.
        """
        ends = time.monotonic() + DEFERRED_SECONDS
        while [*self.states().values()] != ["deferred"] * TASKS or not all(map(self._has_begun, range(TASKS))):
            if time.monotonic() > ends:
                raise AirflowError(f"{self._run}: not all tasks wait: {self.states()}")
            time.sleep(PAUSE)

    def states(self) -> dict[int, str | None]:
        """The state of each task, by map index."""
        found = self._stage.airflow.task_instances(DAG, self._run)
        return {
            task["map_index"]: task["state"] for task in found if task["task_id"] == TASK and task["map_index"] >= 0
        }

    def log(self, index: int) -> str:
        """A task's log."""
        return self._stage.airflow.task_log(DAG, self._run, TASK, 1, index)

    def _has_begun(self, index: int) -> bool:
        # Airflow tells a trigger that its task was ended only once it runs.
        return any(f" is {status}" in self.log(index) for status in ("SUBMITTED", "RUNNING"))

    def mark_run(self) -> None:
        """Mark the whole run failed, as a person does."""
        self._stage.airflow.api("PATCH", f"/api/v2/dags/{DAG}/dagRuns/{self._run}", {"state": "failed"})

    def mark_tasks(self, indexes: Iterable[int], state: str = "failed") -> None:
        """Mark tasks failed or success, as a person does who has selected them."""
        path = f"/api/v2/dags/{DAG}/dagRuns/{self._run}/taskInstances"
        entities = [{"task_id": TASK, "map_index": index, "new_state": state} for index in indexes]
        answer = self._stage.airflow.api("PATCH", path, {"actions": [{"action": "update", "entities": entities}]})
        if answer["update"]["errors"]:
            raise AirflowError(f"{self._run}: not marked {state}: {answer}")

    def jobs(self) -> dict[int, dict[str, Any]]:
        """The job of each task in the federation's own list, by map index."""
        own = [job for job in self._stage.jobs() if job["name"].rpartition("-")[2].startswith(f"{self._run}_")]
        return {int(job["name"].rpartition("_")[2]): job for job in own}


def end_many(stage: Stage, number: int, manner: str) -> CrowdOutcome:
    """Start a crowd, end its tasks, and see what becomes of the jobs. No job is left running.

    :param stage: where.
    :param number: which crowd of the campaign, from 1.
    :param manner: how they are ended.
    """
    outcome = CrowdOutcome(f"many{number:04d}", manner)
    crowd = Crowd(stage, outcome.run)
    try:
        crowd.wait_until_deferred()
        began = time.monotonic()
        _end(stage, crowd, manner)
        _look(crowd, outcome, began)
    except AirflowError as error:
        outcome.wrong.append(str(error))
    finally:
        stage.abort(job["job_id"] for job in crowd.jobs().values() if not job["status"].startswith("FINISHED"))
    return outcome


def _end(stage: Stage, crowd: Crowd, manner: str) -> None:
    if manner == RUN_MARKED:
        crowd.mark_run()
    elif manner == TASKS_MARKED:
        crowd.mark_tasks(range(TASKS))
    elif manner == SUCCESS_MARKED:
        crowd.mark_tasks(range(TASKS), "success")
    else:
        crowd.mark_tasks(range(TASKS // 2))
        _until(lambda log: "aborting job" in log, lambda: crowd.log(0), time.monotonic())
        crowd.mark_tasks(range(TASKS // 2, TASKS))
        kill_shared(stage, TRIGGERER)
        start_again(stage, TRIGGERER)


def _look(crowd: Crowd, outcome: CrowdOutcome, began: float) -> None:
    """Follow the jobs and the logs for a minute."""
    jobs = _until(lambda jobs: _aborted(jobs) == [*range(TASKS)], crowd.jobs, began)
    aborted = _aborted(jobs)
    outcome.aborted, outcome.seconds = len(aborted), round(time.monotonic() - began, 1)

    def named() -> list[int]:
        return [index for index, job in jobs.items() if f"Aborted job {job['job_id']}" in crowd.log(index)]

    told = _until(lambda told: len(told) >= len(aborted), named, time.monotonic())
    outcome.named = len(told)
    states = crowd.states()
    if [*states.values()] != ["success" if outcome.manner == SUCCESS_MARKED else "failed"] * TASKS:
        outcome.wrong.append(f"the tasks are {states}")
    # What waits in a triggerer that dies is known to nobody any more: Airflow tells no other of tasks that have ended.
    if outcome.manner != TRIGGERER_KILLED and len(aborted) < TASKS:
        outcome.wrong.append(f"after a minute, jobs are {[job['status'] for job in jobs.values()]}")
    if outcome.manner != TRIGGERER_KILLED and len(told) < TASKS:
        outcome.wrong.append(f"of {TASKS} tasks, only the logs of {sorted(told)} name the job that was aborted")
    if not set(told) <= set(aborted):
        outcome.wrong.append(f"the logs of {sorted(set(told) - set(aborted))} tell of an abort that did not happen")


def _aborted(jobs: dict[int, dict[str, Any]]) -> list[int]:
    return sorted(index for index, job in jobs.items() if job["status"] == ABORTED)


def _until(reached: Callable[[Any], bool], look: Callable[[], Any], began: float) -> Any:
    """Look until something is reached, for a minute at most; gives what was seen last."""
    while True:
        seen = look()
        if reached(seen) or time.monotonic() - began > MINUTE:
            return seen
        time.sleep(PAUSE)
