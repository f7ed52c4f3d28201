"""The results of a job while it runs: the same, in the same order, as after its end."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from airflow_provider_dfm.federation.errors import JobTimedOut, ResultsIncomplete
from airflow_provider_dfm.federation.growing_set import GrowingSet, Order, order_of
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_note import JobNote
from airflow_provider_dfm.federation.results import pipeline_expectation
from airflow_provider_dfm.federation.tokens import UNREADABLE, Result, TokensRead, read_token
from airflow_provider_dfm.federation.value_files import ValueFiles

# So many results of an ended job are read at a time.
BATCH = 100


class LiveResults:
    """Gives a job's results in the order of :class:`FederationResults`, each as soon as that order allows.

    That is when all results of the sets before it are there, and, within its own set, all that come before it. So
    the items of a generator come one by one. A set with an error, or with a pickle, of which nothing is read, holds
    back the rest of it and all sets after it till the job has ended; what was given before stays right.

    Nothing is taken away by that: any number of these can follow one job, and begin at any time.

    :param get_job_meta: asks for the job's meta.
    :param read_tokens: reads the tokens from a position on.
    :param results: gives the ended job's results, or raises what is wrong with them.
    :param position: how many results to leave out: those that were given before.
    :param files: where the running job's large values are.
    """

    def __init__(
        self,
        get_job_meta: Callable[[], JobMeta],
        read_tokens: Callable[[int], TokensRead],
        results: Callable[[], Iterable[Result]],
        position: int = 0,
        files: ValueFiles | None = None,
    ) -> None:
        self._get_job_meta = get_job_meta
        self._read_tokens = read_tokens
        self._results = results
        self._files = files
        #: How many results were handed on so far, those that were left out among them.
        self.position = position
        #: Whether the job was seen to have ended.
        self.job_has_ended = False
        #: Whether all results were handed on.
        self.finished = False
        #: The sets below this number were answered while the job ran, and all their results released.
        self.whole_sets = 0
        self._using = threading.Lock()
        self._ready: deque[Result] = deque()
        self._rest: Iterator[Result] | None = None
        self._sets: dict[int, GrowingSet] = {}
        self._read_to = 0
        self._released = 0
        self._last: Order | None = None

    def look(self) -> list[Result]:
        """What has come and was not handed on yet; asks the federation where there is nothing left.

        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job has ended, and did not do its work.
        """
        # Somebody who stopped to wait for a thread may have left it in here.
        with self._using:
            if not self._ready and not self.finished:
                self._fill()
            return list(self._ready)

    def given(self) -> None:
        """Say that the first result of those that :meth:`look` gave was handed on; it is not given again."""
        self._ready.popleft()
        self.position += 1

    def follow(self, poll_interval: float, timeout: float | None) -> Iterator[Result]:
        """All results, the last one when the job has ended and was found to have done its work.

        :param poll_interval: seconds between two looks.
        :param timeout: seconds until the job has to have ended; None: no limit.
        :raises JobTimedOut: it has not.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job did not do its work; what came before is right.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        while not self.finished:
            for result in self.look():
                yield result
                self.given()
            if self.job_has_ended:
                continue
            if ends is not None and time.monotonic() > ends:
                raise JobTimedOut(f"The job did not end in time, {timeout:g} s. It was left running.")
            time.sleep(poll_interval)

    def _fill(self) -> None:
        if self._rest is None:
            meta = self._get_job_meta()
            if not meta.has_ended:
                self._read()
                self._release(pipeline_expectation(meta))
                return
            self.job_has_ended = True
            self._rest = self._after_the_end(meta.job_id)
        try:
            self._ready.extend(itertools.islice(self._rest, BATCH))
        except BaseException:
            # What was read is ready; whoever looks again begins anew after it.
            self._rest = None
            raise
        self.finished = not self._ready

    def _read(self) -> None:
        while (tokens := self._read_tokens(self._read_to)).text:
            if tokens.position <= self._read_to:
                raise ResultsIncomplete("The running job gives the same results over and over: its server is broken.")
            try:
                came = [read_token(json.loads(line)) for line in tokens.text.splitlines()]
            except UNREADABLE as error:
                raise ResultsIncomplete(
                    f"The running job gives something else than results: {type(error).__name__}: {error}."
                ) from None
            self._read_to = tokens.position
            for token in came:
                if token.frame:
                    self._sets.setdefault(token.frame[0], GrowingSet(self._files)).add(token)

    def _release(self, expectation: JobNote) -> None:
        places, yields = expectation.places, expectation.yields
        while (growing := self._sets.get(self.whole_sets)) is not None:
            whole = growing.is_whole(places)
            for result in growing.release(None if whole else yields):
                if self._released >= self.position + len(self._ready):
                    self._ready.append(result)
                self._released += 1
                self._last = order_of(result)
            if not whole:
                return
            del self._sets[self.whole_sets]
            self.whole_sets += 1

    def _after_the_end(self, job_id: str) -> Iterator[Result]:
        given = self.position
        for number, result in enumerate(self._results()):
            if self._is_late(number, result):
                raise ResultsIncomplete(
                    f"Job {job_id} gave a result of parameter set {result.parameter_set} after it had reported the end "
                    "of that set, or after one that comes behind it. Read the results of the ended job instead."
                )
            if number >= given:
                yield result

    def _is_late(self, number: int, result: Result) -> bool:
        """Whether something was released that should have waited for a result.

        :param number: the result's, among all.
        """
        if self._last is None:
            return False
        if number == self._released - 1:
            return order_of(result) != self._last
        if number == self._released and order_of(result) <= self._last:
            return True
        return number >= self._released and result.parameter_set < self.whole_sets
