"""A job of a federation, as its session sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from airflow_provider_dfm.federation.callback_loop import CallbackLoop
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.large_values import RunningFiles, ValueRead
from airflow_provider_dfm.federation.live_results import LiveResults
from airflow_provider_dfm.federation.live_statuses import LiveStatuses
from airflow_provider_dfm.federation.own_threads import in_own_thread
from airflow_provider_dfm.federation.result_callbacks import CallbackRun, ResultCallbacks, describe_result
from airflow_provider_dfm.federation.results import pipeline_expectation

if TYPE_CHECKING:
    from airflow_provider_dfm.federation.job_meta import JobMeta
    from airflow_provider_dfm.federation.parameter_sets import ParameterSets
    from airflow_provider_dfm.federation.results import FederationResults
    from airflow_provider_dfm.federation.session import FederationSession
    from airflow_provider_dfm.federation.tokens import Result, TokensRead

# Does what asks the federation, perhaps more than once, up to a time in seconds since 1970.
Asking = Callable[[Callable[[], Any], float | None], Any]


class FederationJob:
    """A submitted job; any session of the federation can have one for any job id.

    With callbacks, each result is handed to them once by this object, in the order of :meth:`results`: by
    :meth:`wait_until_finished` and :meth:`process_pending`, in the thread that calls these, or by their async forms, on
    the running loop. Without, nothing here reads a result before :meth:`results` or :meth:`follow_results` does.

    :param session: the session it is seen through; None: :meth:`seen_through` says which.
    :param job_id: the job's id.
    :param found: the job's meta, where it was there before it was to be submitted.
    :param ends_at: when whoever submitted it gives it up, in seconds since 1970; None: nobody said.
    """

    def __init__(
        self,
        session: FederationSession | None,
        job_id: str,
        found: JobMeta | None = None,
        ends_at: float | None = None,
    ) -> None:
        self._connect: Callable[[], Any] = lambda: session
        self._asking: Asking = _once
        self._wait_ends_at: float | None = None
        self._callbacks = ResultCallbacks()
        self._run: CallbackRun[Result] | None = None
        self._detached = False
        self.job_id = job_id
        self.found = found
        self.ends_at = ends_at

    @property
    def _session(self) -> FederationSession:
        if self._detached:
            raise RuntimeError(
                f"Cannot perform operation on detached job {self.job_id}. "
                "Use session.reattach() to create a new job object."
            )
        session: FederationSession = self._connect()
        return session

    def seen_through(self, connect: Callable[[], FederationSession], asking: Asking | None = None) -> FederationJob:
        """This job, through whatever session is open at the time.

        :param connect: gives the session.
        :param asking: does what asks for the job's status and its results, and again after a failure that may pass;
            default: once.
        """
        self._connect, self._asking = connect, asking or _once
        return self

    def call_back(self, callbacks: ResultCallbacks | None) -> FederationJob:
        """This job, with callbacks for its results; None: without."""
        self._callbacks = callbacks or ResultCallbacks()
        return self

    def check_callbacks(self) -> None:
        """Make sure that the callbacks are for places of the job's pipeline.

        :raises JobNotFound: nobody knows the job.
        :raises CallbackFailed: names the places that the pipeline does not have.
        """
        expectation = pipeline_expectation(self._known_meta())
        self._callbacks.check_places(expectation.yields or expectation.places)

    @property
    def was_found(self) -> bool:
        """Whether the federation knows the job."""
        return self._session.find_job(self.job_id) is not None

    def get_job_meta(self) -> JobMeta:
        """All that the federation stores about the job."""
        return self._session.get_job_meta(self.job_id)

    def get_status(self) -> JobStatus:
        """The job's state; UNKNOWN for an id that nobody knows."""
        return self._session.get_status(self.job_id)

    def wait_until_finished(self, timeout: float | None = None, poll_interval: float = 1.0) -> bool:
        """Wait until the job has ended; callbacks are called meanwhile, in this thread.

        Async callbacks run on an event loop that is made for this wait. With callbacks, True means that the job did its
        work, and all results were handed on; without, it may have ended well or not: ``results()`` tells.

        :param timeout: seconds; None: no limit.
        :param poll_interval: seconds between two looks.
        :return: False when the time was over first. What has not been handed on then, the next wait does.
        :raises JobNotFound: nobody knows the job.
        :raises FederationUnreachable: the federation could not be asked when the time was over.
        :raises CallbackFailed: a callback raised something. The next wait begins with the result it was called with.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: with callbacks only: the job did not do its work. What
            they were called with before is right.
        """
        ends = self._wait_ends(timeout)
        with CallbackLoop() as loop:
            while not self._is_done(loop, ends):
                pause = _pause(poll_interval, ends)
                if pause <= 0:
                    return False
                loop.sleep(pause)
        self._session.job_ended(self.job_id)
        return True

    async def wait_until_finished_async(self, timeout: float | None = None, poll_interval: float = 1.0) -> bool:
        """As :meth:`wait_until_finished`, on the running loop: what asks the federation does so in a thread.

        A callback that is not async blocks the loop as long as it takes.
        """
        ends = self._wait_ends(timeout)
        while not await self._is_done_async(ends):
            pause = _pause(poll_interval, ends)
            if pause <= 0:
                return False
            await asyncio.sleep(pause)
        await in_own_thread(self._session.job_ended, self.job_id)
        return True

    def process_pending(self) -> None:
        """Call the callbacks with what has come so far, without waiting for more, in this thread.

        What ``callback_runner.process_pending()`` is with DFM's ManualDispatcher.

        :raises JobNotFound: nobody knows the job.
        :raises FederationUnreachable: the federation cannot be asked now: it is asked once.
        :raises CallbackFailed: see :meth:`wait_until_finished`.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job has ended, and did not do its work.
        """
        self._wait_ends(0.0)
        if self._callbacks:
            with CallbackLoop() as loop:
                self._callback_run().process(loop)

    async def process_pending_async(self) -> None:
        """As :meth:`process_pending`, on the running loop."""
        self._wait_ends(0.0)
        if self._callbacks:
            await (await in_own_thread(self._callback_run)).process_async()

    def cancel(self) -> None:
        """Abort the job; one that has ended stays as it is."""
        self._session.abort_job(self.job_id)

    def detach(self) -> None:
        """Let go of the job, which is left as it is: this object can do nothing any more. Doing it twice is safe."""
        self._detached = True
        self._callbacks = ResultCallbacks()
        self._run = None

    def send_input_params(self, input_params: ParameterSets, key: str | None = None) -> list[int]:
        """Send more parameter sets to the pipeline; see :meth:`FederationSession.send_input_params`."""
        return self._session.send_input_params(self.job_id, input_params, key)

    def send_stop_frame(self, key: str | None = None) -> None:
        """Let the pipeline end once it has done all its sets; see :meth:`FederationSession.send_stop_frame`."""
        self._session.send_stop_frame(self.job_id, key)

    def follow_results(
        self, position: int = 0, poll_interval: float = 1.0, timeout: float | None = None
    ) -> Iterator[Result]:
        """What the job's pipeline yields, as it comes, in the order of :meth:`results`, until the job has ended.

        After the end it gives the same. Whoever stops and comes again later, in another process perhaps, goes on by
        ``position``.

        :param position: how many results to leave out: those that were given before.
        :param poll_interval: seconds between two looks.
        :param timeout: seconds; None: no limit.
        :raises JobTimedOut: the time was over first.
        :raises FederationUnreachable: the federation could not be asked when the time was over.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job did not do its work.
        """
        # Its own time, not that of a wait which this object does in between.
        ends_at = None if timeout is None else time.time() + timeout
        live = self._live_results(lambda action: self._asking(action, ends_at), position)
        yield from live.follow(poll_interval, timeout)

    def live_results(self, position: int = 0, partial: bool | None = None) -> LiveResults:
        """What comes of the job while it runs, to be asked for as wanted.

        :param position: see :meth:`follow_results`.
        :param partial: see :meth:`JobOutcome.check`.
        """
        return self._live_results(self._ask, position, partial)

    def _live_results(
        self, ask: Callable[[Callable[[], Any]], Any], position: int, partial: bool | None = None
    ) -> LiveResults:
        def get_meta() -> JobMeta:
            meta: JobMeta = ask(self.get_job_meta)
            return meta

        def read_tokens(read_to: int) -> TokensRead:
            tokens: TokensRead = ask(lambda: self._session.read_tokens(self.job_id, read_to))
            return tokens

        def results() -> Iterator[Result]:
            came: FederationResults = ask(self.results)
            return came.checked(partial)

        def read_value(name: str) -> ValueRead:
            value: ValueRead = ask(lambda: self._session.read_value(self.job_id, name))
            return value

        files = RunningFiles(read_value, lambda: get_meta().has_ended, lambda: ask(self.results).received())
        return LiveResults(get_meta, read_tokens, results, position, files)

    def results(self) -> FederationResults:
        """What the job's pipeline yielded. Reading takes nothing away, and can be repeated.

        :raises JobNotFound: nobody knows the job.
        :raises ResultsIncomplete: it has not ended yet.
        """
        return self._session.results(self.job_id)

    def _wait_ends(self, timeout: float | None) -> float | None:
        """When a wait that begins now is over, as ``time.monotonic()`` counts."""
        self._wait_ends_at = None if timeout is None else time.time() + timeout
        return None if timeout is None else time.monotonic() + timeout

    def _ask(self, action: Callable[[], Any]) -> Any:
        return self._asking(action, self._wait_ends_at)

    def _known_meta(self) -> JobMeta:
        meta: JobMeta = self._ask(self.get_job_meta)
        return meta

    def _is_done(self, loop: CallbackLoop, ends: float | None) -> bool:
        if not self._callbacks:
            return self._known_meta().has_ended
        run = self._callback_run()
        run.process(loop, ends)
        return run.pending.finished

    async def _is_done_async(self, ends: float | None) -> bool:
        if not self._callbacks:
            return (await in_own_thread(self._known_meta)).has_ended
        run = await in_own_thread(self._callback_run)
        await run.process_async(ends)
        return run.pending.finished

    def _callback_run(self) -> CallbackRun[Result]:
        if self._run is None:
            self.check_callbacks()
            pending: LiveResults | LiveStatuses = self.live_results()
            if self._callbacks.want_statuses:
                pending = LiveStatuses(self.live_results(), lambda: self._ask(self.results).outcome)
            self._run = CallbackRun(pending, self._callbacks, describe_result)
        return self._run


def _once(action: Callable[[], Any], ends_at: float | None) -> Any:
    return action()


def _pause(poll_interval: float, ends: float | None) -> float:
    return poll_interval if ends is None else min(poll_interval, ends - time.monotonic())
