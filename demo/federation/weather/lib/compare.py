"""The adapter of ``temperature.Compare``."""

from __future__ import annotations

from typing import Any


class Compare:
    """Compares what two sites told of themselves."""

    async def body(self, first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
        """Compare the statistics of two sites.

        :param first: what ``temperature.Statistics`` returned at one site
        :param second: what it returned at the other
        :return: the difference of means in °C (first less second), the warmer site
            (None when the means are equal), the measurements in all, and both inputs
        :raises ValueError: if an input is no site's statistics
        """
        for name, statistics in (("first", first), ("second", second)):
            _check(name, statistics)
        difference = round(first["mean"] - second["mean"], 2)
        return {
            "difference_of_means": difference,
            "warmer": _warmer(first, second, difference),
            "measurements": first["measurements"] + second["measurements"],
            "first": first,
            "second": second,
        }


def _check(name: str, statistics: Any) -> None:
    needed = {"site", "mean", "measurements"}
    missing = needed - statistics.keys() if isinstance(statistics, dict) else needed
    if missing:
        raise ValueError(f"{name} is no site's statistics: {', '.join(sorted(missing))} missing")


def _warmer(first: dict[str, Any], second: dict[str, Any], difference: float) -> str | None:
    if difference == 0:
        return None
    return str((first if difference > 0 else second)["site"])
