from __future__ import annotations

import pytest

from airflow_provider_dfm.remote.foreign_text import cut, fit


def test_a_text_that_is_short_enough_stays_as_it_is():
    assert cut("x" * 20, 20) == "x" * 20


@pytest.mark.parametrize("length", [7, 20, 99])
def test_a_longer_one_keeps_its_beginning_and_its_end(length):
    shortened = cut("first" + "x" * 100 + "last", length)
    assert len(shortened) == length
    assert shortened[0] == "f"
    assert shortened[-1] == "t"
    assert " ... " in shortened


def test_what_a_database_or_utf_8_cannot_take_is_replaced():
    replacement = "\N{REPLACEMENT CHARACTER}"
    assert fit("a\x00b\ud800c\udfffd\n\tä") == f"a{replacement}b{replacement}c{replacement}d\n\tä"
