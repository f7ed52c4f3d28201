"""What the kills gave, as a table for people and as lines for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from tests.chaos.attempt import Outcome
from tests.chaos.crowd import MANNERS, CrowdOutcome
from tests.chaos.matrix import IN_ORDER, MATRIX, WAYS, Cell, Trial


def json_line(outcome: Outcome) -> str:
    """One trial as a line of JSON."""
    facts = asdict(outcome)
    del facts["trial"]
    return json.dumps({"run": outcome.trial.run, **asdict(outcome.trial.cell), **facts})


def outcome_of(line: str) -> Outcome:
    """The trial that :func:`json_line` wrote down."""
    facts = json.loads(line)
    cell = Cell(facts.pop("victim"), facts.pop("step"), facts.pop("way"))
    return Outcome(Trial(cell, int(facts.pop("run")[1:].partition("_")[0])), **facts)


def crowd_line(outcome: CrowdOutcome) -> str:
    """What became of many tasks as a line of JSON."""
    return json.dumps(outcome.facts())


def crowd_of(line: str) -> CrowdOutcome | None:
    """What :func:`crowd_line` wrote down; None where it is a trial's line."""
    facts = json.loads(line)
    return CrowdOutcome(**facts) if "manner" in facts else None


def counted(outcomes: list[Outcome]) -> list[Outcome]:
    """The trials in which a kill happened: only they count."""
    return [outcome for outcome in outcomes if outcome.kill]


def table(outcomes: list[Outcome], crowds: list[CrowdOutcome], about: Mapping[str, str]) -> str:
    """The kill matrix as Markdown.

    :param outcomes: of all trials.
    :param crowds: what became of many tasks that were ended at once.
    :param about: what it was made with: name to version or text.
    """
    hit = counted(outcomes)
    wrong = [outcome for outcome in hit if outcome.wrong]
    lines = ["# Kill matrix", ""]
    lines += [f"{name}: {text}  " for name, text in about.items()]
    lines += ["", _summary(hit, wrong), ""]
    lines += [_meaning(), ""]
    for way in WAYS:
        lines += [f"## {way.capitalize()} wait", "", *_grid(hit, way), ""]
    if crowds:
        lines += ["## Many tasks at once", "", _meaning_of_crowds(), "", *_crowd_rows(crowds), ""]
    faults = [_fault(outcome) for outcome in wrong]
    faults += [f"- {crowd.manner} ({crowd.run}): {'; '.join(crowd.wrong)}" for crowd in crowds if crowd.wrong]
    lines += ["## Wrong outcomes", "", *(faults or ["None."])]
    missed = [outcome for outcome in outcomes if not outcome.kill]
    if missed:
        lines += ["", "## Not counted: the kill did not happen", ""]
        lines += [f"- {o.trial.cell} ({o.trial.run}): {o.missed or 'never held at the step'}" for o in missed]
    return "\n".join(lines) + "\n"


def _summary(hit: list[Outcome], wrong: list[Outcome]) -> str:
    kills = len({outcome.kill for outcome in hit})
    active = [outcome for outcome in hit if any(not status.startswith("FINISHED") for status in outcome.jobs_before)]
    anew = sum(len(outcome.jobs) > 1 for outcome in active)
    return (
        f"**{kills} kills hit {len(hit)} DAG runs at a step; {len(hit) - len(wrong)} of these runs ended right, "
        f"{len(wrong)} wrong.** The kills of the FLARE server met {len(active)} jobs that had not ended; {anew} "
        "of them did not outlive it, and their tasks submitted another."
    )


def _meaning() -> str:
    return (
        "A run is held at the step, the process is killed with SIGKILL, and the run goes on by Airflow's retries "
        "alone. It ended right if the DAG run is a success, its results came once, complete and in order, the "
        "federation's own list of jobs shows one completed job of its name and no other (other ended ones only where "
        "the FLARE server was killed), and no job id was submitted twice. `3/3`: of three runs hit three ended right. "
        "A kill of the scheduler, the triggerer or the FLARE server hits up to four runs at once. The rows are the "
        "steps of `airflow_provider_dfm/federation/steps.py`, in order; at `handing over` the session host is about to "
        "send the job, at `server has it` the server has answered and the worker does not know."
    )


def _grid(hit: list[Outcome], way: str) -> list[str]:
    cells = [cell for cell in MATRIX if cell.way == way]
    victims = list(dict.fromkeys(cell.victim for cell in cells))
    runs = Counter(outcome.trial.cell for outcome in hit)
    right = Counter(outcome.trial.cell for outcome in hit if not outcome.wrong)
    lines = [f"| step | {' | '.join(victims)} |", f"|---|{'---|' * len(victims)}"]
    for step in IN_ORDER:
        if not any(cell.step == step for cell in cells):
            continue
        found = [Cell(victim, step, way) for victim in victims]
        texts = [f"{right[cell]}/{runs[cell]}" if runs[cell] else "" for cell in found]
        lines.append(f"| {step} | {' | '.join(texts)} |")
    return lines


def _meaning_of_crowds() -> str:
    return (
        "Deferred tasks of one run, each with a job of its own, are ended at the same moment through Airflow's "
        "REST API. It ended right if a minute later the federation's own list shows each of their jobs as aborted, and "
        "the log of each task names it. Where the triggerer is killed meanwhile, the jobs that it had not aborted run "
        "on: Airflow tells no other triggerer of a task that has ended, so nobody but a person ends them. Right means "
        "there that the tasks stay as they were marked, and that no log tells of an abort that did not happen."
    )


def _crowd_rows(crowds: list[CrowdOutcome]) -> list[str]:
    lines = [
        "| how they end | tasks | jobs aborted | named in the log | seconds | right |",
        "|---|---|---|---|---|---|",
    ]
    for crowd in sorted(crowds, key=lambda crowd: MANNERS.index(crowd.manner)):
        counts = f"{crowd.tasks} | {crowd.aborted} | {crowd.named} | {crowd.seconds:g}"
        lines.append(f"| {crowd.manner} | {counts} | {'no' if crowd.wrong else 'yes'} |")
    return lines


def _fault(outcome: Outcome) -> str:
    return f"- {outcome.trial.cell} ({outcome.trial.run}): {'; '.join(outcome.wrong)}"
