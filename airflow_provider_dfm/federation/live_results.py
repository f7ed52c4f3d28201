"""The results of a job while it runs: the same, in the same order, as after its end."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dfm.federation.errors import JobTimedOut, ResultsIncomplete
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.results import FederationResults, pipeline_expectation
from airflow_provider_dfm.federation.tokens import Result, Token, read_token, token_identity


class LiveResults:
    """Gives each parameter set's results as soon as they and those of all sets before it are there.

    Nothing is taken away by that: any number of these can follow one job, and begin at any time.

    :param get_job_meta: asks for the job's meta.
    :param read_tokens: reads the tokens from a position on: ``{"text", "position"}``.
    :param results: gives the ended job's results.
    """

    def __init__(
        self,
        get_job_meta: Callable[[], JobMeta],
        read_tokens: Callable[[int], dict[str, Any]],
        results: Callable[[], FederationResults],
    ) -> None:
        self._get_job_meta = get_job_meta
        self._read_tokens = read_tokens
        self._results = results
        self._seen: set[tuple[Any, ...]] = set()
        self._sets: defaultdict[int, _Set] = defaultdict(_Set)
        self._position = 0

    def follow(self, poll_interval: float, timeout: float | None) -> Iterator[Result]:
        """All results, the last one when the job has ended and was found to have done its work.

        :param poll_interval: seconds between two looks.
        :param timeout: seconds until the job has to have ended; None: no limit.
        :raises JobTimedOut: it has not.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: the job did not do its work; what came before is right.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        given = next_set = 0
        while not (meta := self._get_job_meta()).has_ended:
            self._read()
            places = pipeline_expectation(meta)["places"]
            while self._sets[next_set].is_whole(places):
                for result in self._sets.pop(next_set).in_order():
                    yield result
                    given += 1
                next_set += 1
            if ends is not None and time.monotonic() > ends:
                raise JobTimedOut(f"Job {meta.job_id} did not end in time, {timeout:g} s. It was left running.")
            time.sleep(poll_interval)
        for number, result in enumerate(self._results()):
            if number >= given:
                if result.parameter_set < next_set:
                    raise ResultsIncomplete(
                        f"Job {meta.job_id} gave a result of parameter set {result.parameter_set} after it had "
                        "reported the end of that set. Read the results of the ended job instead."
                    )
                yield result

    def _read(self) -> None:
        while text := (answer := self._read_tokens(self._position))["text"]:
            self._position = answer["position"]
            for line in text.splitlines():
                raw = json.loads(line)
                identity = token_identity(raw)
                token = read_token(raw)
                if identity not in self._seen and token.frame:
                    self._sets[token.frame[0]].tokens.append(token)
                self._seen.add(identity)


@dataclass
class _Set:
    """What has come of one parameter set.

    :param tokens: its tokens, as they came.
    """

    tokens: list[Token] = field(default_factory=list)

    def is_whole(self, places: Collection[str]) -> bool:
        """Whether it was answered; one with an error never is."""
        kinds = {token.kind for token in self.tokens}
        have = {token.place for token in self.tokens if token.kind == "value"}
        return "end" in kinds and kinds.isdisjoint(("error", "pickle")) and have.issuperset(places)

    def in_order(self) -> list[Result]:
        """Its results, in the order of :class:`FederationResults`."""
        values = sorted(
            (token for token in self.tokens if token.kind == "value"), key=lambda token: (token.frame, token.place)
        )
        return [token.result() for token in values]
