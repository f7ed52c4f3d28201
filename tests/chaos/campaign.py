"""Many trials: those that do not hit each other a few at a time, the others in waves."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from airflow_provider_dfm.federation import steps
from tests.chaos.attempt import Attempt, Outcome
from tests.chaos.matrix import DEFERRED, IN_SUBMIT, SERVER, SHARED, Cell, Trial
from tests.chaos.stage import Stage
from tests.chaos.victims import kill_shared, start_again

# As many jobs as the federation runs at once.
AT_ONCE = 4
GROUP = 24
HELD_SECONDS = 240.0
PAUSE = 0.1


def run_trials(
    stage: Stage,
    trials: Iterable[Trial],
    tell: Callable[[Outcome], None],
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Run trials, and compare with the federation's list of jobs after each group.

    :param stage: where they happen.
    :param trials: which.
    :param tell: gets the outcome of each.
    :param go_on: whether to begin the next group.
    :return: the number of kills.
    """
    kills = set()
    for group in _groups(list(trials)):
        if not go_on():
            break
        shared = group[0].cell.victim in SHARED
        attempts = _wave(stage, group) if shared else _stream(stage, group)
        jobs = stage.jobs()
        for attempt in attempts:
            attempt.check_jobs(jobs)
            kills.add(attempt.outcome.kill)
            tell(attempt.outcome)
    return len(kills - {""})


def _groups(trials: list[Trial]) -> Iterator[list[Trial]]:
    own = [trial for trial in trials if trial.cell.victim not in SHARED]
    for first in range(0, len(own), GROUP):
        yield own[first : first + GROUP]
    for victim in SHARED:
        of_victim = [trial for trial in trials if trial.cell.victim == victim]
        # A job that must not end meanwhile cannot wait for runs that are held after their own's end.
        yield from _waves([trial for trial in of_victim if trial.needs_running_job])
        yield from _waves([trial for trial in of_victim if not trial.needs_running_job])


def _waves(trials: list[Trial]) -> Iterator[list[Trial]]:
    """Put trials of one victim together that can all be held before it is killed."""
    with_triggerer = deque(trial for trial in trials if _needs_triggerer(trial.cell))
    without = deque(trial for trial in trials if not _needs_triggerer(trial.cell))
    while with_triggerer or without:
        # Who is held in the triggerer holds all others there.
        wave = [with_triggerer.popleft()] if with_triggerer else []
        while without and len(wave) < AT_ONCE:
            wave.append(without.popleft())
        yield wave


def _needs_triggerer(cell: Cell) -> bool:
    return cell.way == DEFERRED and cell.step not in (*IN_SUBMIT, steps.DEFERRING)


def _stream(stage: Stage, trials: list[Trial]) -> list[Attempt]:
    """Trials whose kills hit nobody else: the next starts when one has ended."""
    waiting = deque(trials)
    attempts: list[Attempt] = []
    while waiting or _under_way(attempts):
        if waiting and len(_under_way(attempts)) < AT_ONCE:
            attempts.append(Attempt(stage, waiting.popleft()))
        for attempt in _under_way(attempts):
            if not (attempt.outcome.kill or attempt.outcome.missed):
                attempt.hit()
        _look(stage, attempts)
    return attempts


def _wave(stage: Stage, trials: list[Trial]) -> list[Attempt]:
    """Trials that one kill hits together, once the runs of all are held."""
    attempts = [Attempt(stage, trial) for trial in trials]
    deadline = time.monotonic() + HELD_SECONDS
    while not all(attempt.held for attempt in attempts):
        _look(stage, attempts)
        if time.monotonic() > deadline or any(attempt.ended for attempt in attempts):
            break
    else:
        victim = trials[0].cell.victim
        if victim == SERVER:
            jobs = stage.jobs()
            for attempt in attempts:
                attempt.note_jobs(jobs)
        kill_shared(stage, victim)
        for attempt in attempts:
            attempt.release("" if attempt.outcome.missed else trials[0].run)
        start_again(stage, victim)
    for attempt in attempts:
        if not (attempt.outcome.kill or attempt.outcome.missed):
            attempt.outcome.missed = "held, but others of its wave were not" if attempt.held else ""
            attempt.release("")
    while _under_way(attempts):
        _look(stage, attempts)
    return attempts


def _look(stage: Stage, attempts: list[Attempt]) -> None:
    time.sleep(PAUSE)
    stage.airflow.check()
    for attempt in _under_way(attempts):
        attempt.look()


def _under_way(attempts: list[Attempt]) -> list[Attempt]:
    return [attempt for attempt in attempts if not attempt.ended]
