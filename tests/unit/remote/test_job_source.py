"""What a job function may give, and what is said of anything else: FLARE's examples have a function ``main``."""

from __future__ import annotations

import argparse
import sys
import types
from pathlib import Path

import pytest

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.job_source import export_job


class Recipe:
    """Writes a job's folder, as nvflare's recipes do."""

    def export(self, folder):
        built = Path(folder) / "built"
        built.mkdir()
        (built / "meta.json").write_text('{"name": "built"}')


@pytest.fixture
def function(monkeypatch):
    """Makes a module with a function ``main`` that gives a value; gives its path."""

    def make(value):
        module = types.ModuleType("job_of_a_test")
        module.main = lambda: value
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return f"{module.__name__}:main"

    return make


def test_a_job_that_is_returned_is_exported(function, tmp_path):
    assert export_job(function(Recipe()), {}, str(tmp_path / "exported")) == str(tmp_path / "exported" / "built")


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (None, "None"),
        (0, "a value of type int"),
        ("/tmp/fl_job", "a value of type str"),
        ([Recipe()], "a value of type list"),
    ],
)
def test_what_a_function_has_to_return_is_said(function, tmp_path, value, what):
    path = function(value)
    with pytest.raises(NamedError, match=rf"job_of_a_test:main returned {what}") as caught:
        export_job(path, {}, str(tmp_path / "exported"))
    text = str(caught.value)
    assert caught.value.error_name == "JobDefinitionError"
    for hint in ("a FedJob or a recipe", "not to run it", "recipe.execute", "--export --export-dir FOLDER"):
        assert hint in text


def test_a_function_that_reads_the_command_line_is_told_that_there_is_none(function, tmp_path, monkeypatch):
    def main():
        parser = argparse.ArgumentParser()
        parser.add_argument("--rounds", required=True)
        return parser.parse_args([])

    path = function(None)
    monkeypatch.setattr(sys.modules[path.partition(":")[0]], "main", main)
    with pytest.raises(NamedError, match=r"raised SystemExit: 2\. If it reads the command line: there is none here"):
        export_job(path, {}, str(tmp_path / "exported"))
