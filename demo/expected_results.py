"""The demonstration's results, computed straight from the data package's files, without the federation.

Run with an interpreter that has ``vega_datasets``: ``python expected_results.py FIRST-DAY LAST-DAY`` prints JSON:
per site the number of measurements and their mean, minimum and maximum in °C.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import statistics
import sys
from pathlib import Path

FILES = {"seattle": "seattle-temps.csv", "san_francisco": "sf-temps.csv"}


def aggregates(file: Path, start: str, end: str) -> dict[str, float]:
    """Aggregate one file.

    :param file: with the columns ``date`` (``2010/01/31 23:00``) and ``temp`` (°F).
    :param start: first day, ISO.
    :param end: last day, ISO, included.
    """
    with file.open(newline="") as lines:
        rows = [(row["date"][:10].replace("/", "-"), float(row["temp"])) for row in csv.DictReader(lines)]
    celsius = [(fahrenheit - 32) * 5 / 9 for day, fahrenheit in rows if start <= day <= end]
    return {
        "measurements": len(celsius),
        "mean": round(statistics.fmean(celsius), 2),
        "minimum": round(min(celsius), 2),
        "maximum": round(max(celsius), 2),
    }


if __name__ == "__main__":
    package = importlib.util.find_spec("vega_datasets")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "_data"
    first, last = sys.argv[1:]
    print(json.dumps({site: aggregates(folder / name, first, last) for site, name in FILES.items()}))
