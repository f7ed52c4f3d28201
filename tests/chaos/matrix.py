"""What is killed at which step: the cells of the matrix, and the trials that fill them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.federation import steps

# The names of planted/chaos_pipelines.py, which only the federation's interpreter can import.
HANDING_OVER = "handing over"
SERVER_HAS_IT = "server has it"

SYNCHRONOUS = "synchronous"
DEFERRED = "deferred"
WAYS = (SYNCHRONOUS, DEFERRED)

WORKER = "worker"  # the task's process
SUPERVISOR = "supervisor and worker"  # nobody is left to tell that the task's process is gone
HOST = "session host"
SCHEDULER = "scheduler"  # with its workers, supervisors and tasks, as where a machine goes down
TRIGGERER = "triggerer"
SERVER = "FLARE server"  # with its job processes
VALUES = 5
# Until then all runs of a wave have to be held.
LONG_SECONDS = 25.0
# These hit every run that is under way.
SHARED = (SCHEDULER, TRIGGERER, SERVER)

IN_SUBMIT = (steps.OPENING, steps.LOOKING, steps.SUBMITTING, HANDING_OVER, SERVER_HAS_IT, steps.SUBMITTED)
IN_WAIT = (steps.POLLED, steps.ENDED)
IN_END = (steps.CONCLUDING, steps.DOWNLOADED, steps.KEEPING, steps.KEPT)
WITH_JOB = (SERVER_HAS_IT, steps.SUBMITTED, steps.WAITING, steps.DEFERRING, steps.POLLED)
IN_ORDER = (*IN_SUBMIT, steps.WAITING, steps.DEFERRING, *IN_WAIT, *IN_END)


@dataclass(frozen=True)
class Cell:
    """One place of the matrix.

    :param victim: what is killed.
    :param step: where the run's task is held meanwhile.
    :param way: how the task waits.
    """

    victim: str
    step: str
    way: str

    def __str__(self) -> str:
        return f"{self.victim}, {self.step}, {self.way}"


@dataclass(frozen=True)
class Trial:
    """One DAG run with one kill.

    :param cell: what is killed, and where.
    :param number: which trial of the campaign, from 1.
    """

    cell: Cell
    number: int

    @property
    def run(self) -> str:
        """The DAG run's id, which is the pipeline's name too."""
        return f"t{self.number:04d}_{self.cell.step}_{self.cell.way}".replace(" ", "_")

    @property
    def needs_running_job(self) -> bool:
        """Whether the job must not have ended when its server is killed."""
        return self.cell.victim == SERVER and self.cell.step in WITH_JOB

    @property
    def pipeline(self) -> str:
        """The pipeline function."""
        return f"chaos_pipelines:{'sleep' if self.needs_running_job else 'echo'}"

    @property
    def values(self) -> list[Any]:
        """What the run's pipeline is given, one value a set, and has to give back in this order."""
        if self.needs_running_job:
            return [LONG_SECONDS, *(number / 10 for number in range(1, VALUES))]
        return [f"{self.run} {number}" for number in range(VALUES)]

    @property
    def dag(self) -> str:
        """The id of the run's DAG."""
        return f"kill_{self.cell.way}"


def _steps_of_task(way: str) -> tuple[str, ...]:
    """The steps in the task's process, or in the session host below it."""
    wait = (steps.WAITING, *IN_WAIT) if way == SYNCHRONOUS else (steps.DEFERRING,)
    return (*IN_SUBMIT, *wait, *IN_END)


def _steps(victim: str, way: str) -> tuple[str, ...]:
    in_triggerer = IN_WAIT if way == DEFERRED else ()
    if victim == TRIGGERER:
        return (steps.DEFERRING, *in_triggerer) if way == DEFERRED else ()
    if victim == HOST:
        # Where a task's process opens its session anew, there is none yet.
        none = (steps.OPENING, *([steps.CONCLUDING] if way == DEFERRED else []))
        return tuple(step for step in (*_steps_of_task(way), *in_triggerer) if step not in none)
    return (*_steps_of_task(way), *(in_triggerer if victim == SERVER else ()))


MATRIX = tuple(
    Cell(victim, step, way)
    for victim in (WORKER, SUPERVISOR, HOST, SCHEDULER, TRIGGERER, SERVER)
    for way in WAYS
    for step in _steps(victim, way)
)

# What fits into a few minutes: every victim, both ways, and the steps where most can go wrong.
SHORT = (
    Cell(WORKER, SERVER_HAS_IT, SYNCHRONOUS),
    Cell(WORKER, steps.SUBMITTED, DEFERRED),
    Cell(WORKER, steps.KEPT, SYNCHRONOUS),
    Cell(SUPERVISOR, steps.DEFERRING, DEFERRED),
    Cell(HOST, HANDING_OVER, SYNCHRONOUS),
    Cell(TRIGGERER, steps.ENDED, DEFERRED),
    Cell(SERVER, SERVER_HAS_IT, DEFERRED),
    Cell(SERVER, steps.POLLED, SYNCHRONOUS),
)


def trials(cells: tuple[Cell, ...], first: int = 1) -> Iterator[Trial]:
    """Trials of all cells in turn, again and again.

    :param first: the first one's number.
    """
    for number, cell in enumerate(itertools.cycle(cells), first):
        yield Trial(cell, number)
