from __future__ import annotations

import sys

import pytest

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.federation.settings import read_settings

FLARE = {"user": "analyst", "startup_kit": "/kit"}


def test_defaults():
    settings = read_settings(FLARE, "Connection 'x'")
    assert (settings.target, settings.python, settings.secure_mode) == ("flare", sys.executable, True)


def test_what_a_form_leaves_empty_is_not_set():
    settings = read_settings(FLARE | {"federation": "", "homesite": None, "connect_timeout": None}, "x")
    assert settings.connect_timeout == 30


@pytest.mark.parametrize("given", ["a:b", "a\nb", ["a", "b"], " a : b "])
def test_python_path_is_a_list_or_text(given):
    assert read_settings(FLARE | {"python_path": given}, "x").python_path == ("a", "b")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kit": "/kit"}, "kit: there is no such field"),
        ({"target": "cloud"}, "target: Input should be 'flare' or 'local'"),
        ({"connect_timeout": -1}, "connect_timeout: Input should be greater than 0"),
        ({"federation": "weather"}, "federation and homesite belong together"),
        ({"startup_kit": ""}, "one of startup_kit and startup_kit_content"),
        ({"startup_kit_content": "UEs="}, "one of startup_kit and startup_kit_content"),
        ({"user": ""}, "the connection's login"),
    ],
)
def test_a_wrong_field_is_named(fields, message):
    with pytest.raises(ConnectionSettingsError, match=message):
        read_settings(FLARE | fields, "Connection 'x'")


def test_no_secret_is_shown():
    with pytest.raises(ConnectionSettingsError) as caught:
        read_settings(FLARE | {"startup_kit_content": ["c2VjcmV0"], "target": 3}, "x")
    assert "c2VjcmV0" not in str(caught.value)
    settings = read_settings({"user": "a", "startup_kit_content": "c2VjcmV0"}, "x")
    assert "c2VjcmV0" not in repr(settings)


def test_the_local_target_needs_no_kit():
    settings = read_settings({"target": "local", "federation": "weather", "homesite": "analyst"}, "x")
    assert settings.user == ""


@pytest.mark.parametrize("given", [True, False, "true"])
def test_a_connection_that_still_allows_pickles_opens_with_a_warning(caplog, given):
    assert read_settings(FLARE | {"allow_pickles": given}, "Connection 'x'") == read_settings(FLARE, "x")
    (warning,) = caplog.records
    assert warning.levelname == "WARNING"
    assert "Connection 'x': allow_pickles has no effect any more" in warning.getMessage()
