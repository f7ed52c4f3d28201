"""Which job is a task's own, over all its tries."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.execution_time.context import NEVER_EXPIRE

from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.submit_once import Claim

if TYPE_CHECKING:
    from airflow.sdk import Context

STATE_KEY = "airflow_provider_dfm"


@dataclass(frozen=True)
class TaskIdentity:
    """A task's claim to its jobs.

    :param job: the identity that this try's job has.
    :param former: those it had before the task was cleared, or its instance was deleted and made again, as long as
        nobody has called :func:`forget_former_jobs`.
    :param given_up: ids of jobs that the federation calls active, but will never end.
    """

    job: JobIdentity
    former: tuple[JobIdentity, ...]
    given_up: tuple[str, ...]

    def claim(self, partial: bool = False) -> Claim:
        """What has to be given to a hook's ``execute`` or ``submit_job``, to submit once over all tries.

        :param partial: whether a job that answered some of its parameter sets is good enough.
        """
        return Claim(self.job, self.given_up, partial)


def task_identity(context: Context, dfm_conn_id: str) -> TaskIdentity:
    """The claim of the task that runs.

    Two things are noted in the task's state store, before anything is submitted: a random salt, since another
    Airflow may run the same DAG on the same federation, and what tells a retry from a task that begins anew.

    :param context: the task's context.
    :param dfm_conn_id: the connection.
    """
    ti = context["ti"]
    store = context["task_state_store"]
    noted: dict[str, Any] = store.get(STATE_KEY) or {}  # type: ignore[assignment]
    cycle = current_cycle(noted, str(ti.id), ti.try_number, ti.max_tries, ti.task.retries or 0)
    former: list[int] = noted.get("former", [])
    if noted and noted["cycle"] != cycle:
        former = [*former, noted["cycle"]]
    figures = {"ti_id": str(ti.id), "try_number": ti.try_number, "max_tries": ti.max_tries, "cycle": cycle}
    figures["former"] = former
    note = {"salt": noted.get("salt") or uuid.uuid4().hex, "given_up": noted.get("given_up", []), **figures}
    if note != noted:
        store.set(STATE_KEY, note, retention=NEVER_EXPIRE)
    map_index = -1 if ti.map_index is None else ti.map_index
    job = JobIdentity(dfm_conn_id, ti.dag_id, ti.run_id, ti.task_id, map_index, note["salt"], cycle)
    return TaskIdentity(job, tuple(job.in_cycle(each) for each in former), tuple(note["given_up"]))


def forget_former_jobs(context: Context) -> None:
    """Note that the task's former jobs have been dealt with; until then each further try is told of them.

    :param context: the task's context.
    """
    store = context["task_state_store"]
    noted: dict[str, Any] = store.get(STATE_KEY) or {}  # type: ignore[assignment]
    if noted.get("former"):
        store.set(STATE_KEY, noted | {"former": []}, retention=NEVER_EXPIRE)


def give_up(context: Context, job_id: str) -> None:
    """Note that a job will never end, so that the task's next try does not take it for its own.

    :param context: the task's context.
    :param job_id: the job.
    """
    store = context["task_state_store"]
    noted: dict[str, Any] = store.get(STATE_KEY) or {}  # type: ignore[assignment]
    store.set(STATE_KEY, noted | {"given_up": [*noted.get("given_up", []), job_id]}, retention=NEVER_EXPIRE)


def current_cycle(noted: dict[str, Any], ti_id: str, try_number: int, max_tries: int, retries: int) -> int:
    """The cycle of a try: another one each time that the task begins anew.

    :param noted: ``ti_id``, ``try_number``, ``max_tries`` and ``cycle`` of an earlier try, or empty.
    :param ti_id: id of the task instance.
    :param try_number: this try.
    :param max_tries: of the task instance.
    :param retries: of the task, as the DAG has it now.
    """
    if not noted:
        return try_number
    anew = _was_made_again(noted, ti_id, try_number) or _was_cleared(noted, try_number, max_tries, retries)
    return max(try_number, int(noted["cycle"]) + 1) if anew else int(noted["cycle"])


def _was_made_again(noted: dict[str, Any], ti_id: str, try_number: int) -> bool:
    """Whether the task instance is another than that of the earlier try, which was deleted.

    Its state in the store is still there, since that is the run's. Airflow gives a task instance another id at each
    try too (airflow/models/taskinstance.py, ``prepare_db_for_next_try``): after a failure, a clear, or the reset of an
    orphan, which all schedule it anew, with the next try number (airflow/models/dagrun.py, ``schedule_tis``). What
    keeps the number keeps the id: the end of a deferral, a reschedule, and a task that is put into the queue again.
    Only a new instance counts its tries from the beginning.
    """
    return bool(ti_id != noted.get("ti_id", ti_id) and try_number <= noted["try_number"])


def _was_cleared(noted: dict[str, Any], try_number: int, max_tries: int, retries: int) -> bool:
    """Whether the task was cleared since the earlier try.

    A retry leaves ``max_tries`` as it is. Clearing sets it to the tries so far plus ``retries``, which is always
    more than before (airflow/models/taskinstance.py, ``clear_task_instances``), unless somebody has changed
    ``retries`` in the DAG meanwhile.
    """
    if max_tries != noted["max_tries"]:
        return True
    # Clearing would have given this same figure, so retries were changed. Nobody can tell whether the task was
    # cleared too; a second job is the smaller harm than an old result for a new one.
    return bool(try_number > noted["try_number"] and max_tries == noted["try_number"] + retries)
