"""A job of a federation, as its session sees it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.live_results import LiveResults

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.session import FederationSession
    from airflow_provider_dfm.federation.tokens import Result


class FederationJob:
    """A submitted job; any session of the federation can have one for any job id.

    :param session: the session it is seen through.
    :param job_id: the job's id.
    :param found: the job's meta, where it was there before it was to be submitted.
    :param ends_at: when whoever submitted it gives it up, in seconds since 1970; None: nobody said.
    """

    def __init__(
        self,
        session: FederationSession,
        job_id: str,
        found: JobMeta | None = None,
        ends_at: float | None = None,
    ) -> None:
        self._session = session
        self.job_id = job_id
        self.found = found
        self.ends_at = ends_at

    def get_job_meta(self) -> JobMeta:
        """All that the federation stores about the job."""
        return self._session.get_job_meta(self.job_id)

    def get_status(self) -> JobStatus:
        """The job's state; UNKNOWN for an id that nobody knows."""
        return self._session.get_status(self.job_id)

    def wait_until_finished(self, timeout: float | None = None, poll_interval: float = 1.0) -> bool:
        """Wait until the job has ended, whether well or not; ``results()`` tells.

        :param timeout: seconds; None: no limit.
        :param poll_interval: seconds between two looks.
        :return: False when the time was over first.
        :raises JobNotFound: nobody knows the job.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while not self.get_job_meta().has_ended:
            pause = poll_interval if ends is None else min(poll_interval, ends - time.monotonic())
            if pause <= 0:
                return False
            time.sleep(pause)
        self._session.job_ended(self.job_id)
        return True

    def cancel(self) -> None:
        """Abort the job; one that has ended stays as it is."""
        self._session.abort_job(self.job_id)

    def follow_results(self, poll_interval: float = 1.0, timeout: float | None = None) -> Iterator[Result]:
        """What the job's pipeline yields, as it comes, in the order of :meth:`results`, until the job has ended.

        :param poll_interval: seconds between two looks.
        :param timeout: seconds; None: no limit.
        :raises JobTimedOut: the time was over first.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job did not do its work.
        """
        session = self._session
        live = LiveResults(self.get_job_meta, lambda position: session.read_tokens(self.job_id, position), self.results)
        return live.follow(poll_interval, timeout)

    def results(self) -> FederationResults:
        """What the job's pipeline yielded. Reading takes nothing away, and can be repeated.

        :raises JobNotFound: nobody knows the job.
        :raises ResultsIncomplete: it has not ended yet.
        """
        return self._session.results(self.job_id)
