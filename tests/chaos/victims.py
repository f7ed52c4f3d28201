"""How each victim is killed, as a crash would, while a run is held at a step."""

from __future__ import annotations

from typing import Any

from tests.chaos.matrix import HANDING_OVER, HOST, SCHEDULER, SERVER, SERVER_HAS_IT, SUPERVISOR, TRIGGERER, Cell
from tests.chaos.processes import below, kill, parent_of
from tests.chaos.stage import Stage

COMPONENTS = {SCHEDULER: "scheduler", TRIGGERER: "triggerer"}


def kill_own(stage: Stage, cell: Cell, stop: dict[str, Any]) -> None:
    """Kill what belongs to one run alone, or the session host it waits with.

    :param stop: who is held, as :meth:`Stops.stopped` gives it.
    :raises NotKilled: it is not there.
    """
    held = stop["pid"]
    in_host = cell.step in (HANDING_OVER, SERVER_HAS_IT)
    if cell.victim == HOST:
        kill(*([held] if in_host else below(held, stage.federation.python)))
        return
    worker = parent_of(held) if in_host else held
    # The supervisor first, so that it has no time to tell of the task's end.
    kill(*([parent_of(worker), worker] if cell.victim == SUPERVISOR else [worker]))


def kill_shared(stage: Stage, victim: str) -> None:
    """Kill what all runs under way need."""
    if victim == SERVER:
        stage.federation.kill()
    else:
        stage.airflow.stop_component(COMPONENTS[victim], kill=True)


def start_again(stage: Stage, victim: str) -> None:
    """Start again what :func:`kill_shared` killed."""
    if victim == SERVER:
        stage.federation.start_again()
    else:
        stage.airflow.start_component(COMPONENTS[victim])
