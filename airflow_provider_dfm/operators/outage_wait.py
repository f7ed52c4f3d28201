"""How a task that submits a job gets through an outage of its federation: in its worker, or in the triggerer."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.sdk.exceptions import TaskDeferred

from airflow_provider_dfm.federation.errors import FederationError
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.hooks.patience import Patience, may_pass, patiently
from airflow_provider_dfm.triggers.outage import FederationOutageTrigger

if TYPE_CHECKING:
    from airflow_provider_dfm.hooks.dfm import DfmHook

Done = TypeVar("Done")

# What the task goes on with.
METHOD = "execute_after_outage"


@dataclass(frozen=True)
class Outage:
    """What a try of a task remembers of an outage while it is deferred; all times are in seconds since 1970.

    :param started: when the try began.
    :param since: when it first met the outage; None: it has met none.
    :param tries: how often it has met it.
    """

    started: float
    since: float | None = None
    tries: int = 0

    def met(self, now: float) -> Outage:
        """The same, met once more."""
        return replace(self, since=now if self.since is None else self.since, tries=self.tries + 1)

    def next_try(self, now: float, longest: float, ends_at: float) -> float:
        """When to try again: after pauses that double, from one second on.

        :param now: the time.
        :param longest: seconds that a pause may have.
        :param ends_at: when to try for the last time.
        """
        return min(now + min(2.0 ** min(self.tries - 1, 30), longest), ends_at)


@dataclass(frozen=True)
class OutageWait:
    """Does what is safe to do twice, and again while the federation cannot be asked.

    :param outage: what the try has met so far.
    :param patience: for how long, and with which pauses.
    :param try_ends_at: when the try has to have ended, in seconds since 1970.
    :param defers: whether to wait in the triggerer: then the task goes on with :data:`METHOD`, whose event has
        ``"outage"``, the outage as a dict.
    :param may_have: what a person who ends the task meanwhile wants to have aborted: whose jobs, or jobs' ids. Earlier
        tries may have submitted them, and so may this one, where the server's reply got lost.
    :param is_killed: whether the task was ended.
    """

    outage: Outage
    patience: Patience
    try_ends_at: float
    defers: bool
    may_have: Callable[[], list[JobIdentity | str]]
    is_killed: Callable[[], bool]

    def do(self, action: Callable[[], Done], hook: DfmHook, log: Any) -> Done:
        """Do it.

        :param action: what to do.
        :param hook: the session that an error ends.
        :param log: the task's.
        :raises TaskDeferred: it cannot be done now.
        :raises FederationError: it cannot be done, or could not in time: the error of the last try.
        """
        if not self.defers:
            return patiently(action, hook, log, self.try_ends_at, self.patience)
        try:
            return action()
        except FederationError as error:
            now = time.time()
            met = self.outage.met(now)
            ends_at = min((met.since or now) + self.patience.seconds, self.try_ends_at)
            if self.is_killed() or not may_pass(error) or now >= ends_at:
                raise
            log.warning("Waiting in the triggerer to try again, %.0f s at most: %s", ends_at - now, error)
            trigger = self._trigger(hook.dfm_conn_id, met, now, ends_at)
        raise TaskDeferred(trigger=trigger, method_name=METHOD)

    def _trigger(self, dfm_conn_id: str, met: Outage, now: float, ends_at: float) -> FederationOutageTrigger:
        return FederationOutageTrigger(
            dfm_conn_id,
            asdict(met),
            met.next_try(now, self.patience.pause, ends_at),
            ends_at,
            self.patience.pause,
            [job if isinstance(job, str) else asdict(job) for job in self.may_have()],
        )
