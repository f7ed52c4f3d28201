"""Stops: a process that comes to an armed step waits there until it is killed or released.

The harness and the processes speak through files of a folder, each made or moved in one step:
``armed/<stop>`` is moved to ``held/<stop>`` by the one process that comes first, which then writes its id to
``stopped/<stop>`` and waits for ``held/<stop>`` to go. A stop is thus used once: no retry stops there again.
Runs in every interpreter, so with the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

# Not AIRFLOW…: the session host would not get that.
VARIABLE = "DFM_CHAOS_FOLDER"
POLL = 0.02


class Stops:
    """The stops of one folder.

    :param folder: the folder; default: the one that the environment names.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(os.environ[VARIABLE])

    def make(self) -> Stops:
        """Make the folder; gives itself."""
        for name in ("armed", "held", "stopped", "jobs", "submits"):
            (self._folder / name).mkdir(parents=True)
        return self

    def arm(self, run: str, step: str) -> None:
        """Have the first process that comes to a step stop there.

        :param run: the DAG run.
        :param step: the step.
        """
        self._path("armed", run, step).touch()

    def stop(self, run: str, step: str, **facts: Any) -> None:
        """Wait here if this is an armed step: called where the step is.

        :param facts: what the harness is told besides the process's id.
        """
        held = self._path("held", run, step)
        try:
            os.rename(self._path("armed", run, step), held)
        except FileNotFoundError:
            return
        _write(self._path("stopped", run, step), json.dumps({"pid": os.getpid(), **facts}))
        while held.exists():
            time.sleep(POLL)

    def stopped(self, run: str, step: str) -> dict[str, Any] | None:
        """Who waits at a step: ``pid`` and the facts; None as long as nobody came."""
        with contextlib.suppress(FileNotFoundError):
            facts: dict[str, Any] = json.loads(self._path("stopped", run, step).read_text())
            return facts
        return None

    def release(self, run: str, step: str) -> None:
        """Let go who waits at a step; and nobody stops there any more."""
        for state in ("armed", "held"):
            self._path(state, run, step).unlink(missing_ok=True)

    def note_run(self, job_id: str, run: str) -> None:
        """Remember whose job it is, for processes that know only the job."""
        _write(self._folder / "jobs" / job_id, run)

    def run_of(self, job_id: str) -> str | None:
        """The DAG run of a job, None where no worker has noted it."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "jobs" / job_id).read_text()
        return None

    def note_submit(self, run: str, job_id: str) -> None:
        """Count a submit that the server has answered."""
        (self._folder / "submits" / f"{run}@{job_id}@{os.getpid()}-{time.time_ns()}").touch()

    def submits(self, run: str) -> list[str]:
        """The job ids that the server gave for the submits of a run, each as often as it was submitted."""
        return [path.name.split("@")[1] for path in sorted((self._folder / "submits").glob(f"{run}@*"))]

    def _path(self, state: str, run: str, step: str) -> Path:
        return self._folder / state / f"{run}@{step.replace(' ', '_')}"


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)
