"""The named steps of a job's way through a task, from before the submit to after its results are kept.

Each step is logged at level debug, and told to an observer where one is set. That is how the tests kill a process
exactly between two steps; nothing else sets one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger(__name__)

OPENING = "opening"  # about to open the session that submits
LOOKING = "looking"  # about to ask whether the job is there already
SUBMITTING = "submitting"  # it is not: about to submit it
SUBMITTED = "submitted"  # the server has it, and nothing here remembers it
WAITING = "waiting"  # about to wait in the worker
DEFERRING = "deferring"  # about to hand the wait to the triggerer
POLLED = "polled"  # looked, the job has not ended
ENDED = "ended"  # looked, the job has ended, and the task does not know
CONCLUDING = "concluding"  # about to check the job and bring its results
DOWNLOADED = "downloaded"  # the results are in the session's private folder only
KEEPING = "keeping"  # the results are written, their manifest is not
KEPT = "kept"  # the manifest is written, and the task has not ended

STEPS = (
    OPENING,
    LOOKING,
    SUBMITTING,
    SUBMITTED,
    WAITING,
    DEFERRING,
    POLLED,
    ENDED,
    CONCLUDING,
    DOWNLOADED,
    KEEPING,
    KEPT,
)

observer: Callable[[str, str], None] | None = None


def reached(step: str, job_id: str) -> None:
    """Say that a job's task has come to a step.

    :param step: one of :data:`STEPS`.
    :param job_id: the job.
    """
    log.debug("Job %s: %s", job_id, step)
    if observer is not None:
        observer(step, job_id)
