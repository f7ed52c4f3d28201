from __future__ import annotations

import datetime
import typing

import pytest

from airflow_provider_dfm.remote.iso_dates import iso_text

DATE, MOMENT = datetime.date, datetime.datetime
NONE = type(None)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (DATE, "2010-01-01", "2010-01-01"),
        (DATE, "2010-01-01T00:00:00", "2010-01-01"),
        (DATE, "2010-01-01 00:00:00+00:00", "2010-01-01"),
        (DATE, "2010-01-01T00:00:00+01:00", "2010-01-01"),
        (DATE, "2010-01-01T00:00:00Z", "2010-01-01"),
        (MOMENT, "2010-01-01", "2010-01-01T00:00:00+00:00"),
        (MOMENT, "2010-01-01T12:30", "2010-01-01T12:30:00+00:00"),
        (MOMENT, "2010-01-01 12:30:00.250+01:00", "2010-01-01T12:30:00.250000+01:00"),
        (MOMENT, "2010-01-01T12:30:00Z", "2010-01-01T12:30:00+00:00"),
        (DATE | MOMENT, "2010-01-01", "2010-01-01"),
        (DATE | MOMENT, "2010-01-01T12:30:00", "2010-01-01T12:30:00+00:00"),
        (typing.Optional[DATE], "2010-01-01 00:00:00", "2010-01-01"),  # noqa: UP045 - as DFM generates it
    ],
)
def test_text_becomes_iso_8601(kind, value, text):
    assert iso_text(value, kind) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [(str, "2010-01-01 00:00:00"), (str | DATE, "2010-1-1"), (DATE | NONE, None), (DATE, 3), (int, "a")],
)
def test_what_is_no_text_for_a_date_stays(kind, value):
    assert iso_text(value, kind) == value


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        (DATE, "2010-01-01T12:00:00", "the time of day of '2010-01-01T12:00:00' would be lost"),
        (DATE, "2009-12-31T23:00:00+00:00", "would be lost"),
        (DATE, "1262304000", "no date or time in ISO 8601"),
        (MOMENT, "1262304000", "no date or time in ISO 8601"),
        (MOMENT, "noon", "no date or time in ISO 8601"),
        (DATE, "", "no date or time in ISO 8601"),
    ],
)
def test_what_would_be_lost_is_refused(kind, value, message):
    with pytest.raises(ValueError, match=message):
        iso_text(value, kind)
