from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.flare_options import read_options


def test_dfms_options_are_taken():
    assert read_options({"task_timeout_s": 60}) == {"task_timeout_s": 60}
    assert read_options(None) == {}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout": 1, "task_timeout_s": 1}, "options has timeout: FlareOptions has task_timeout_s only"),
        ({"task_timeout_s": "60"}, "task_timeout_s is '60': give whole seconds"),
        ({"task_timeout_s": -1}, "task_timeout_s is -1: give whole seconds"),
    ],
)
def test_other_options_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        read_options(options)
