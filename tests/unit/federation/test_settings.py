from __future__ import annotations

import sys

import pytest

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.federation.settings import ConnectionSettings, read_settings

FLARE = {"user": "analyst", "startup_kit": "/kit"}
LOCAL = {"target": "local", "federation": "weather", "homesite": "analyst"}
# What a field is not to be shown with in an error, as it is somebody's key.
KEY = "UEsDBBQAAAAIAHJhdGhlciBzZWNyZXQ"


@pytest.fixture(autouse=True)
def _home(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")


def test_defaults():
    settings = read_settings(FLARE, "Connection 'x'")
    assert (settings.target, settings.python, settings.secure_mode) == ("flare", sys.executable, True)


@pytest.mark.parametrize("unset", ["", " ", "\n", "\t ", None])
@pytest.mark.parametrize("name", ConnectionSettings.model_fields)
def test_what_a_form_or_a_variable_leaves_blank_is_not_set(name, unset):
    given = FLARE if name in LOCAL else LOCAL
    assert read_settings(given | {name: unset}, "x") == read_settings(given, "x")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("user", " analyst ", "analyst"),
        ("startup_kit", " /kit.zip\n", "/kit.zip"),
        ("python", "/opt/federation/bin/python\n", "/opt/federation/bin/python"),
        ("federation", " weather", "weather"),
        ("homesite", "analyst ", "analyst"),
        ("target", "Flare", "flare"),
        ("target", " LOCAL ", "local"),
        ("secure_mode", "true", True),
        ("secure_mode", " False\n", False),
        ("secure_mode", "0", False),
        ("secure_mode", 1, True),
        ("connect_timeout", "30", 30.0),
        ("connect_timeout", " 2.5 ", 2.5),
        ("connect_timeout", 7, 7.0),
        ("results_path", " s3://store@bucket/results ", "s3://store@bucket/results"),
    ],
)
def test_text_of_a_form_or_a_variable_is_what_it_says(name, text, value):
    given = FLARE | {"federation": "weather", "homesite": "analyst"}
    assert getattr(read_settings(given | {name: text}, "x"), name) == value


@pytest.mark.parametrize("given", ["/a:/b", "/a\n/b\n", ["/a", "/b"], " /a : /b ", '["/a", "/b"]', ("/a ", " /b")])
def test_python_path_is_a_list_or_text(given):
    assert read_settings(FLARE | {"python_path": given}, "x").python_path == ("/a", "/b")


@pytest.mark.parametrize(
    ("name", "given", "fixed"),
    [
        ("startup_kit", "~/kit", "/home/somebody/kit"),
        ("startup_kit", "file://~/kit", "/home/somebody/kit"),
        ("startup_kit", "file:///kit", "/kit"),
        ("startup_kit", "s3://store@bucket/kit.zip", "s3://store@bucket/kit.zip"),
        ("python", "~/env/bin/python", "/home/somebody/env/bin/python"),
        ("python", "python3.11", "python3.11"),
        ("python_path", "~/one:/two", ("/home/somebody/one", "/two")),
        ("results_path", "~/results", "/home/somebody/results"),
        ("results_path", "FILE:/results", "file:///results"),
        ("results_path", "file://~/results", "file:///home/somebody/results"),
        ("results_path", "local:///results", "file:///results"),
        (
            "results_path",
            "abfs://container@account.dfs.example/results",
            "abfs://container@account.dfs.example/results",
        ),
    ],
)
def test_a_path_leads_all_processes_to_the_same_place(name, given, fixed):
    assert getattr(read_settings(FLARE | {name: given}, "x"), name) == fixed


@pytest.mark.parametrize(
    "path", ["some/kit", "./kit", "../kit", "~nobody-of-this-name/kit", "$HOME/kit", "C:\\kit", KEY]
)
@pytest.mark.parametrize("name", ["startup_kit", "python_path", "results_path"])
def test_a_relative_path_is_refused(name, path):
    with pytest.raises(ConnectionSettingsError, match=f"'x': {name}: this is a relative path") as caught:
        read_settings(FLARE | {name: path}, "Connection 'x'")
    assert path not in str(caught.value)


@pytest.mark.parametrize("path", ["/data/$HOME/kit", "/data/${HOME}", "~/$HOME/kit", "file:///data/$HOME"])
@pytest.mark.parametrize("name", ["startup_kit", "python", "python_path", "results_path"])
def test_a_variable_in_a_path_is_refused_since_nobody_would_replace_it(name, path):
    given = path.removeprefix("file://") if name.startswith("python") else path
    with pytest.raises(ConnectionSettingsError, match=rf"{name}: there is a variable in the path"):
        read_settings(FLARE | {name: given}, "x")


@pytest.mark.parametrize("path", ["/data/$no_such_variable_here/kit", "/data/a$", "/data/100$/kit"])
def test_a_path_with_a_dollar_sign_of_its_own(path):
    assert read_settings(FLARE | {"startup_kit": path}, "x").startup_kit == path


@pytest.mark.parametrize("path", ["bin/python", "./python", "~nobody-of-this-name/python", "$HOME/python"])
def test_a_relative_interpreter_is_refused(path):
    with pytest.raises(ConnectionSettingsError, match="python: this is a relative path"):
        read_settings(FLARE | {"python": path}, "x")


@pytest.mark.parametrize("uri", ["file://results", "file:results", "file://localhost/results", "s3:/bucket/results"])
def test_a_uri_that_leads_nowhere_certain_is_refused(uri):
    with pytest.raises(ConnectionSettingsError, match="results_path: this is a relative path"):
        read_settings(FLARE | {"results_path": uri}, "x")


@pytest.mark.parametrize("name", ["startup_kit", "results_path"])
@pytest.mark.parametrize(
    "uri",
    [
        "sftp://analyst:hush@host/kit.zip",
        "simplecache::s3://hush:hush@bucket/kit.zip",
        "https://host/kit.zip?X-Amz-Date=2026&X-Amz-Signature=hush",
        "https://host/kit.zip?sv=1&sig=hush",
        "https://host/kit.zip?access_token=hush",
    ],
)
def test_a_secret_in_a_uri_is_refused_since_airflow_would_show_it(name, uri):
    with pytest.raises(ConnectionSettingsError, match=f"{name}: the URI has a password or a signature") as caught:
        read_settings(FLARE | {name: uri}, "x")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kit": "/kit"}, "kit: there is no such field"),
        ({"target": "cloud"}, "target: Input should be 'flare' or 'local'"),
        ({"connect_timeout": -1}, "connect_timeout: Input should be greater than 0"),
        ({"connect_timeout": True}, "connect_timeout: this should be a number"),
        ({"connect_timeout": "soon"}, "connect_timeout: Input should be a valid number"),
        ({"connect_timeout": "nan"}, "connect_timeout: Input should be"),
        ({"connect_timeout": float("inf")}, "connect_timeout: Input should be less than or equal to 86400"),
        ({"secure_mode": "perhaps"}, "secure_mode: Input should be a valid boolean"),
        ({"federation": "weather"}, "federation and homesite belong together"),
        ({"startup_kit": ""}, "one of startup_kit and startup_kit_secret"),
        ({"startup_kit_secret": "UEs="}, "one of startup_kit and startup_kit_secret"),
        ({"startup_kit": "", "startup_kit_secret": "***"}, r"startup_kit_secret: \*\*\* is what Airflow shows"),
        ({"user": ""}, "the connection's login"),
        ({"user": 7}, "user: Input should be a valid string"),
        ({"python": "/bin/py\0thon"}, "python: there is a control character"),
        ({"startup_kit": "/kit\n/other"}, "startup_kit: there is a control character"),
        ({"python_path": '["/a"'}, "python_path: "),
        ({"python_path": {"a": 1}}, "python_path: "),
        ({"python_path": "[" * 200_000}, "python_path: this is nested too deep"),
        ({"python_path": [1]}, "python_path.0: Input should be a valid string"),
    ],
)
def test_a_wrong_field_is_named(fields, message):
    with pytest.raises(ConnectionSettingsError, match=message):
        read_settings(FLARE | fields, "Connection 'x'")


def test_no_secret_is_shown():
    with pytest.raises(ConnectionSettingsError) as caught:
        read_settings(FLARE | {"startup_kit_secret": ["c2VjcmV0"], "target": 3}, "x")
    assert "c2VjcmV0" not in str(caught.value)
    settings = read_settings({"user": "a", "startup_kit_secret": "c2VjcmV0\n"}, "x")
    assert settings.startup_kit_secret.get_secret_value() == "c2VjcmV0"
    assert "c2VjcmV0" not in repr(settings)


def test_the_former_name_of_a_secret_is_read_with_a_warning():
    with pytest.warns(FutureWarning, match="Connection 'x': the field startup_kit_content is now called") as warned:
        settings = read_settings({"user": "a", "startup_kit_content": KEY}, "Connection 'x'")
    assert settings.startup_kit_secret.get_secret_value() == KEY
    assert all(KEY not in str(warning.message) for warning in warned)


def test_the_former_name_counts_no_more_beside_the_new_one():
    both = {"user": "a", "startup_kit_content": "UEs=", "startup_kit_secret": KEY}
    with pytest.warns(FutureWarning, match="remove it where both are set"):
        settings = read_settings(both, "Connection 'x'")
    assert settings.startup_kit_secret.get_secret_value() == KEY


def test_settings_that_a_script_makes_know_the_former_name_too():
    with pytest.warns(FutureWarning, match="the field startup_kit_content is now called"):
        settings = ConnectionSettings(user="a", startup_kit_content=KEY)
    assert settings.startup_kit_secret.get_secret_value() == KEY


def test_the_local_target_needs_no_kit():
    settings = read_settings(LOCAL, "x")
    assert settings.user == ""


@pytest.mark.parametrize("given", [True, "true"])
def test_a_connection_that_still_allows_pickles_opens_with_a_warning(given):
    with pytest.warns(FutureWarning, match="Connection 'x': the field allow_pickles has no effect any more"):
        settings = read_settings(FLARE | {"allow_pickles": given}, "Connection 'x'")
    assert settings == read_settings(FLARE, "x")


@pytest.mark.parametrize("given", [False, "false", "", None])
def test_a_connection_that_never_allowed_pickles_opens_without_a_word(given, recwarn):
    assert read_settings(FLARE | {"allow_pickles": given}, "Connection 'x'") == read_settings(FLARE, "x")
    assert not recwarn.list
