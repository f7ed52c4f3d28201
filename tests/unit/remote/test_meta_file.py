"""What FLARE's own reader cannot read; what it can is in tests/unit/federation/test_flare_job_folder.py."""

from __future__ import annotations

import sys

import pytest

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.meta_file import read_meta_file


@pytest.mark.parametrize(
    ("file", "text", "why"),
    [
        ("meta.json", "{", r"cannot read the job's meta\.json: JSONDecodeError"),
        ("meta.json", "\ufeff{}", r"cannot read the job's meta\.json: JSONDecodeError: Unexpected UTF-8 BOM"),
        ("meta.json", "[1]", r"meta\.json holds no object, but a list"),
        ("meta.conf", "{ name = ", r"cannot read the job's meta\.conf"),
        ("meta.conf", "wait = 5 days", r"cannot read the job's meta\.conf: TypeError: .* not JSON serializable"),
        ("meta.yml", "name: [", r"cannot read the job's meta\.yml"),
        ("meta.yml", "- 1", r"meta\.yml holds no object, but a list"),
    ],
)
def test_what_flares_reader_cannot_read(tmp_path, file, text, why):
    (tmp_path / file).write_text(text)
    with pytest.raises(NamedError, match=why) as caught:
        read_meta_file(str(tmp_path))
    assert caught.value.error_name == "JobDefinitionError"


def test_a_library_that_the_reader_needs_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "omegaconf", None)
    (tmp_path / "meta.yml").write_text("name: x")
    with pytest.raises(NamedError, match=r"meta\.yml needs a library .*omegaconf.*, or write meta\.yml as meta\.json"):
        read_meta_file(str(tmp_path))
