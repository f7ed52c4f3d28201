"""A site's own temperature file: where it is, and how it is read."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

DATA_VARIABLE = "WEATHER_DATA"
DEFAULT_DATA_FOLDER = Path(__file__).resolve().parents[2] / "data"


def temperature_file(site: str) -> Path:
    """Find the temperature file of a site.

    :param site: the site's name, which is also the name of its data folder
    :return: the path of its file
    :raises FileNotFoundError: if there is no such file
    """
    folder = Path(os.environ.get(DATA_VARIABLE) or DEFAULT_DATA_FOLDER)
    path = folder / site / "temperatures.csv"
    if not path.is_file():
        # The folder's path would tell other sites about this site's disk.
        raise FileNotFoundError(f"Site {site} has no {site}/temperatures.csv in its data folder")
    return path


def read_hours(path: Path) -> Iterator[tuple[datetime, float]]:
    """Read the temperatures, one line of the file at a time.

    :param path: a file with the columns ``time`` (ISO, local) and ``fahrenheit``
    :return: time and temperature in °C, unrounded
    """
    with path.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield datetime.fromisoformat(row["time"]), (float(row["fahrenheit"]) - 32) * 5 / 9


def read_celsius(path: Path, start: date, end: date) -> Iterator[float]:
    """Read the temperatures of some days.

    :param path: see :func:`read_hours`
    :param start: the first day
    :param end: the last day, inclusive
    :return: the temperatures in °C, unrounded
    """
    for time, celsius in read_hours(path):
        if start <= time.date() <= end:
            yield celsius
