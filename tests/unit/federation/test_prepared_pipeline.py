from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.prepared_pipeline import read_restriction


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, None),
        ("homesite", "homesite"),
        (["seattle", "boston"], ["seattle", "boston"]),
        (("seattle",), ["seattle"]),
    ],
)
def test_a_restriction_is_the_home_site_or_some_sites_or_none(given, read):
    assert read_restriction(given) == read


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], r"is an empty list, which allows no site.*Leave it out to allow all"),
        ("seattle", r"is the text 'seattle'.*\"homesite\" or a list of sites.*render_template_as_native_obj"),
        ("None", "is the text 'None'"),
        ("['seattle']", "is the text"),
        ("", "is the text ''"),
        (["seattle", 3], r"is \['seattle', 3\]"),
        ({"seattle": 1}, "is {'seattle': 1}"),
        (3, "is 3"),
    ],
)
def test_any_other_restriction_is_refused(given, message):
    with pytest.raises(PipelineError, match=message):
        read_restriction(given)
