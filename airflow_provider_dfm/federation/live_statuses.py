"""The results of a job together with the start, the end and the errors of each parameter set."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from airflow_provider_dfm.federation.errors import FederationError, JobFailed, PermanentFederationError
from airflow_provider_dfm.federation.job_outcome import JobOutcome
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.tokens import ERROR_TOKEN, STATUS_PLACE, AdapterError, Result

# nv_dfm_core/api/_stop_token.py
STOP_TOKEN = "@dfm-stop-token"


class LiveStatuses:
    """Gives a job's results in their order, and between them what became of each set, as results of ``_dfm_status_``.

    The value of such a status is a dict whose ``event`` is ``start``, ``end`` or ``error``; the last two have the
    ``token`` of DFM's StopToken and ErrorToken, and an error has a ``reason`` and the ``errors``, each with ``type``,
    ``message``, ``stack_trace`` and ``site``. A set's start comes before its first result, its end or its error after
    its last. The pipeline's own end, or error, has the empty frame, and comes last.

    What is said of a job that failed does not count: whoever goes on with its successor begins at the set that failed.

    :param live: the job's results, from the first one on.
    :param outcome: gives the ended job's outcome.
    :param position: how many results and statuses to leave out: those that were given before.
    """

    def __init__(self, live: LiveResults, outcome: Callable[[], JobOutcome], position: int = 0) -> None:
        #: How many results and statuses were handed on so far, those that were left out among them.
        self.position = position
        #: Whether the job was seen to have ended.
        self.job_has_ended = False
        #: Whether all were handed on.
        self.finished = False
        self._live = live
        self._ask_outcome = outcome
        self._outcome: JobOutcome | None = None
        self._failed: dict[int, str] = {}
        self._errors: dict[int | None, list[AdapterError]] = {}
        self._failure: FederationError | None = None
        self._over = False
        self._next = 0
        self._begun = -1
        self._count = 0
        self._ready: deque[Result] = deque()

    def look(self) -> list[Result]:
        """See :meth:`LiveResults.look`; what it raises of a job that failed comes after the errors of its sets."""
        while not self._ready and not self._over and self._failure is None:
            self._take()
            if not self.job_has_ended:
                break
        if not self._ready and self._failure is not None:
            raise self._failure
        self.finished = self._over and not self._ready
        return list(self._ready)

    def given(self) -> None:
        """See :meth:`LiveResults.given`."""
        self._ready.popleft()
        if self._failure is None:
            self.position += 1

    def _take(self) -> None:
        try:
            came = self._live.look()
        except FederationError as error:
            if not self._live.job_has_ended or not isinstance(error, (JobFailed, PermanentFederationError)):
                raise
            self._fail(error)
            return
        if self._live.job_has_ended and not self.job_has_ended:
            self._learn()
            self.job_has_ended = True
        for result in came:
            self._pass(result.parameter_set)
            self._begin(result.parameter_set)
            self._add(result)
            self._live.given()
        self._pass(self._live.whole_sets)
        if self._live.finished and self._outcome is not None:
            self._pass(self._outcome.parameter_sets)
            self._add(_status(self._outcome.parameter_sets, (), _END))
            self._over = True

    def _fail(self, failure: FederationError) -> None:
        self._failure, self.job_has_ended = failure, True
        try:
            outcome = self._learn()
        except FederationError:
            # What the failure says has to do.
            self._add(_status(self._next, (), _error(str(failure), ())))
            return
        for number, reason in self._failed.items():
            if number >= self._next:
                self._begin(number)
                self._add(_status(number, (number,), _error(reason, self._errors.get(number, ()))))
        self._add(_status(outcome.parameter_sets, (), _error(str(failure), self._errors.get(None, ()))))

    def _learn(self) -> JobOutcome:
        """Ask how the job ended, and what failed of each set."""
        outcome = self._outcome = self._ask_outcome()
        self._failed = outcome.failed_sets()
        self._errors = {}
        for error in outcome.errors:
            self._errors.setdefault(error.parameter_set, []).append(error)
        return outcome

    def _begin(self, number: int) -> None:
        if number > self._begun:
            self._add(_status(number, (number,), {"event": "start"}))
            self._begun = number

    def _pass(self, until: int) -> None:
        """Say the end of the sets below a number."""
        for number in range(self._next, until):
            self._begin(number)
            reason = self._failed.get(number)
            value = _END if reason is None else _error(reason, self._errors.get(number, ()))
            self._add(_status(number, (number,), value))
        self._next = max(self._next, until)

    def _add(self, result: Result) -> None:
        self._count += 1
        if self._failure is not None or self._count > self.position + len(self._ready):
            self._ready.append(result)


_END = {"event": "end", "token": STOP_TOKEN}


def _error(reason: str, errors: Iterable[AdapterError]) -> dict[str, Any]:
    infos = [
        {"type": error.type, "message": error.message, "stack_trace": error.trace, "site": error.site}
        for error in errors
    ]
    return {"event": "error", "token": ERROR_TOKEN, "reason": reason, "errors": infos}


def _status(parameter_set: int, frame: tuple[int, ...], value: dict[str, Any]) -> Result:
    errors = value.get("errors")
    site = errors[0]["site"] if errors else ""
    return Result(parameter_set=parameter_set, frame=frame, place=STATUS_PLACE, site=site, value=dict(value))
