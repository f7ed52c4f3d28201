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


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("meta.conf", "name = ${A_SECRET}"),
        ("meta.conf", "name = x-${?A_SECRET}"),
        ("meta.conf", 'A_SECRET = ${A_SECRET}":more"'),
        ("meta.conf", 'A_SECRET = ${?"A_SECRET"} more'),
        ("meta.conf", "A_SECRET = ${?A_SECRET.more} more"),
        ("meta.conf", "include {quoted}"),
        ("meta.conf", "custom_props { INCLUDE file({quoted}) }"),
        ("meta.conf", "custom_props = include {quoted}"),
        ("meta.conf", "include required(file({quoted}))"),
        ("meta.conf", 'include url("{url}")'),
        ("meta.conf.default", "name = ${A_SECRET}"),
        ("meta.yml", "name: ${oc.env:A_SECRET}"),
        ("meta.yaml", "custom_props: {list: ['${oc.env:A_SECRET,x}']}"),
        ("meta.yml", "name: ${${how}:A_SECRET}\nhow: oc.env"),
        ("meta.yml", 'name: "\\x24{oc.env:A_SECRET}"'),
    ],
)
def test_nothing_of_the_worker_gets_into_a_job(tmp_path, monkeypatch, file, text):
    (tmp_path / "other.conf").write_text("name = hunter2")
    monkeypatch.setenv("A_SECRET", "hunter2")
    other = tmp_path / "other.conf"
    (tmp_path / file).write_text(text.replace("{quoted}", f'"{other}"').replace("{url}", other.as_uri()))
    with pytest.raises(NamedError, match=rf"The job's {file} .* something else on each machine") as caught:
        read_meta_file(str(tmp_path))
    assert caught.value.error_name == "JobDefinitionError"
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("meta.conf", 'base = sites\nname = ${base}" to include"\ninclude = [${base}]'),
        ("meta.yml", "base: sites\nname: ${base} to include\ninclude: ['${base}']"),
    ],
)
def test_a_meta_may_name_its_own_values(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    assert read_meta_file(str(tmp_path)) == {
        "file": file,
        "meta": {"base": "sites", "name": "sites to include", "include": ["sites"]},
    }
