"""What has come so far of one parameter set, and which of it can be handed on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from airflow_provider_dfm.federation.tokens import Result, Token
from airflow_provider_dfm.federation.value_files import ValueFiles

# What results are ordered by.
Order = tuple[tuple[int, ...], str]


def order_of(result: Any) -> Order:
    """Where a result, or a value's token, comes among the others of its job."""
    return result.frame, result.place


class GrowingSet:
    """The tokens of one parameter set, as they come.

    :param files: where the job's large values are.
    """

    def __init__(self, files: ValueFiles | None = None) -> None:
        self._files = files
        self._held: list[Token] = []
        self._kinds: set[str] = set()
        self._places: set[str] = set()
        self._single: set[str] = set()
        # The items of generators: those that came before others, and the number of the first that is missing.
        self._items: dict[str, set[int]] = {}
        self._next: dict[str, int] = {}
        self._nested = False

    def add(self, token: Token) -> None:
        """Take in a token of the set that has not come before."""
        self._kinds.add(token.kind)
        if token.kind != "value":
            return
        self._held.append(token)
        self._places.add(token.place)
        if len(token.frame) == 1:
            self._single.add(token.place)
        elif len(token.frame) == 2:
            items = self._items.setdefault(token.place, set())
            items.add(token.frame[1])
            number = self._next.setdefault(token.place, 0)
            while number in items:
                items.remove(number)
                number += 1
            self._next[token.place] = number
        else:
            self._nested = True

    def is_whole(self, places: Collection[str]) -> bool:
        """Whether the set was answered; one with an error never is.

        :param places: those that have to give a value.
        """
        return "end" in self._kinds and self._is_sound and self._places.issuperset(places)

    @property
    def _is_sound(self) -> bool:
        return self._kinds.isdisjoint(("error", "pickle"))

    def release(self, yields: Mapping[str, int] | None) -> list[Result]:
        """The results that can be handed on, in order; they are given once.

        :param yields: place to how many statements of the pipeline yield to it; empty: nobody knows; None: the set is
            whole.
        """
        if not self._held:
            return []
        before = None if yields is None else self._first_missing(yields)
        # Sorting keeps the order of arrival where two values have the same place in it.
        self._held.sort(key=order_of)
        released = [token for token in self._held if before is None or order_of(token) < before]
        self._held = self._held[len(released) :]
        return [token.result(self._files) for token in released]

    def _first_missing(self, yields: Mapping[str, int]) -> Order:
        """Where the next value can come, at the earliest."""
        anywhere: Order = ((), "")
        # A place that several statements yield to may get a value at a frame that has one already.
        if set(yields.values()) != {1} or not self._places.issubset(yields) or self._nested or not self._is_sound:
            return anywhere
        frame = self._held[0].frame[:1]
        missing: list[Order] = []
        for place in yields:
            if place in self._next:
                missing.append(((*frame, self._next[place]), place))
            elif place not in self._single:
                missing.append((frame, place))
        return min(missing, default=((frame[0] + 1,), ""))
