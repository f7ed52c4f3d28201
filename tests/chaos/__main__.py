"""Runs the kill matrix on a federation and an Airflow of its own: ``make chaos``."""

from __future__ import annotations

import argparse
import itertools
import math
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from importlib import metadata
from pathlib import Path

from demo.demonstration import make_federation
from demo.environments import REQUIREMENTS
from tests.chaos.attempt import Outcome
from tests.chaos.campaign import run_trials
from tests.chaos.crowd import MANNERS, CrowdOutcome, end_many
from tests.chaos.matrix import MATRIX, SHORT, trials
from tests.chaos.stage import TRIALS, Stage, chaos_stage
from tests.chaos.table import counted, crowd_line, crowd_of, json_line, outcome_of, table


class Record:
    """Collects outcomes, and writes each down at once.

    :param lines: the file for JSON lines, or None; what it has from before counts too.
    """

    def __init__(self, lines: Path | None) -> None:
        self._lines = lines
        found = lines.read_text().splitlines() if lines and lines.exists() else []
        crowds = [crowd_of(line) for line in found]
        self.crowds: list[CrowdOutcome] = [crowd for crowd in crowds if crowd]
        self.outcomes = [outcome_of(line) for line, crowd in zip(found, crowds, strict=True) if not crowd]
        self._started = time.monotonic()

    @property
    def minutes(self) -> float:
        return (time.monotonic() - self._started) / 60

    @property
    def kills(self) -> int:
        """How many there were, those of many tasks included."""
        return len({outcome.kill for outcome in counted(self.outcomes)}) + len(self.crowds)

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        verdict = "; ".join(outcome.wrong) or ("right" if outcome.kill else f"NOT KILLED {outcome.missed}")
        self._write_down(f"{outcome.trial.run} {outcome.trial.cell}: {verdict}", json_line(outcome))

    def add_crowd(self, outcome: CrowdOutcome) -> None:
        """The same for many tasks that were ended at once."""
        self.crowds.append(outcome)
        verdict = "; ".join(outcome.wrong) or f"right, {outcome.aborted} of {outcome.tasks} jobs in {outcome.seconds} s"
        self._write_down(f"{outcome.run} {outcome.manner}: {verdict}", crowd_line(outcome))

    def _write_down(self, text: str, line: str) -> None:
        print(f"[{self.minutes:5.1f} min] {text}", flush=True)
        if self._lines:
            with self._lines.open("a") as file:
                file.write(line + "\n")


def main() -> int:
    """Run it; 0 when every trial was hit and ended right."""
    options = _options()
    # Both end it in order, also where the shell told its jobs to ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    record = Record(options.lines)
    try:
        with _folder(options.keep) as folder:
            with make_federation(folder, python_path=(TRIALS,)) as federation:
                with chaos_stage(folder, federation) as stage:
                    _campaign(stage, record, options)
    finally:
        if options.table:
            options.table.write_text(table(record.outcomes, record.crowds, _about(options)))
    hit = counted(record.outcomes)
    wrong = sum(bool(outcome.wrong) or not outcome.kill for outcome in record.outcomes)
    wrong += sum(bool(outcome.wrong) for outcome in record.crowds)
    print(f"{record.kills} kills, {len(hit)} runs hit, {wrong} wrong or not hit")
    return 1 if wrong else 0


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep:
        yield keep
        return
    with tempfile.TemporaryDirectory(prefix="dfm-chaos-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _campaign(stage: Stage, record: Record, options: argparse.Namespace) -> None:
    cells = SHORT if options.short else MATRIX
    manners = () if options.short else MANNERS
    if options.only:
        cells = tuple(cell for cell in cells if all(word in str(cell) for word in options.only))
        manners = tuple(manner for manner in manners if all(word in f"many tasks, {manner}" for word in options.only))
    for number, manner in enumerate(manners, 1):
        if not any(crowd.manner == manner for crowd in record.crowds) and record.minutes < options.minutes:
            record.add_crowd(end_many(stage, number, manner))
    ahead = trials(cells, 1 + max((outcome.trial.number for outcome in record.outcomes), default=0))
    while cells and record.kills < options.kills and record.minutes < options.minutes:
        # The rest of a round is not worth more than the kills that are wanted.
        count = min(len(cells), options.kills - record.kills) if counted(record.outcomes) else len(cells)
        run_trials(stage, itertools.islice(ahead, count), record, lambda: record.minutes < options.minutes)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=1, help="go on until there were as many; at least one round")
    parser.add_argument("--minutes", type=float, default=math.inf, help="begin nothing more after this time")
    parser.add_argument("--table", type=Path, help="file for the table, as Markdown")
    parser.add_argument("--lines", type=Path, help="file for one line of JSON a trial; goes on with what it has")
    parser.add_argument("--keep", type=Path, help="folder for all logs; default: one that is removed afterwards")
    parser.add_argument("--short", action="store_true", help="the cells of the short form only")
    parser.add_argument("--only", nargs="*", help="the cells whose description has all these words")
    return parser.parse_args()


def _about(options: argparse.Namespace) -> dict[str, str]:
    pinned = dict(requirement.split("==") for requirement in REQUIREMENTS["federation"] if "==" in requirement)
    versions = {"apache-airflow": metadata.version("apache-airflow"), **pinned, "Python": platform.python_version()}
    return {
        "Made by": f"`make chaos KILLS={options.kills}`",
        "Date": date.today().isoformat(),
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }


if __name__ == "__main__":
    sys.exit(main())
