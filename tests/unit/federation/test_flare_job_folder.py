from __future__ import annotations

import io
import json
import shutil
import stat
import tarfile
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dfm.federation import flare_job_folder
from airflow_provider_dfm.federation.errors import JobDefinitionError
from airflow_provider_dfm.federation.flare_job_folder import JobFolder
from tests.unit.federation.meta_files import read_here

JOB = Path(__file__).resolve().parents[2] / "federation" / "flare_jobs" / "sleep"
META = json.loads((JOB / "meta.json").read_text())


def copy_job_folder(source: Path, folder: Path, overrides: dict[str, Any] | None = None) -> JobFolder:
    return flare_job_folder.copy_job_folder(source, folder, read_here, overrides)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture
def job(tmp_path):
    folder = tmp_path / "job"
    shutil.copytree(JOB, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("form", ["zip", "tar", "gztar"])
@pytest.mark.parametrize("inside", ["", "job"])
def test_an_archive_is_the_same_job_as_its_folder(job, tmp_path, form, inside):
    root = job.parent if inside else job
    archive = shutil.make_archive(str(tmp_path / "packed"), form, root, inside or None)
    unpacked = copy_job_folder(Path(archive), tmp_path / "a")
    assert files(unpacked.path) == files(JOB)
    assert unpacked.content == copy_job_folder(JOB, tmp_path / "b").content
    assert list(unpacked.path.parent.iterdir()) == [tmp_path / "a" / unpacked.own_name], "nothing else is left behind"


def test_a_link_in_an_archive_arrives_as_what_it_leads_to(job, tmp_path):
    (job / "app" / "linked.json").symlink_to("config/config_fed_server.json")
    archive = shutil.make_archive(str(tmp_path / "packed"), "tar", job)
    copy = copy_job_folder(Path(archive), tmp_path / "copy").path / "app" / "linked.json"
    assert not copy.is_symlink()
    assert copy.read_bytes() == (JOB / "app" / "config" / "config_fed_server.json").read_bytes()


def test_an_archive_that_leads_out_of_its_folder_is_refused(tmp_path):
    archive = tmp_path / "packed.tar"
    with tarfile.open(archive, "w") as packed:
        for name in ("meta.json", "../../outside"):
            packed.addfile(tarfile.TarInfo(name), io.BytesIO())
    with pytest.raises(JobDefinitionError, match=r"\.\./\.\./outside leads out of the archive"):
        copy_job_folder(archive, tmp_path / "a" / "copy")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip", b"text"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "job.zip").write_bytes(content)
    with pytest.raises(JobDefinitionError, match="neither a folder nor a readable zip or tar"):
        copy_job_folder(tmp_path / "job.zip", tmp_path / "copy")


def test_an_archive_without_a_job_is_refused(tmp_path, job):
    (job / "meta.json").unlink()
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", job)
    with pytest.raises(JobDefinitionError, match=r"There is no FLARE job at .*packed.zip"):
        copy_job_folder(Path(archive), tmp_path / "copy")


def test_a_read_only_folder_is_copied_to_one_that_can_be_written_to(job, tmp_path):
    for path in [job, *job.rglob("*")]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    copy = copy_job_folder(job, tmp_path / "copy").path
    assert all(path.stat().st_mode & stat.S_IWUSR for path in [copy, *copy.rglob("*")])


def test_meta_is_overridden_and_custom_properties_are_added_to(job, tmp_path):
    (job / "meta.json").write_text(json.dumps(META | {"custom_props": {"team": "blue", "cost": 1}}))
    overrides = {"name": "my job", "min_clients": "2", "mandatory_clients": ["seattle"], "custom_props": {"cost": 2}}
    copy = copy_job_folder(job, tmp_path / "copy", overrides)
    copy.named("1", None)
    written = json.loads((copy.path / "meta.json").read_text())
    own = written["custom_props"].pop("airflow_provider_dfm")
    assert own["content"] == copy.content
    assert written == META | overrides | {
        "job_id": "1",
        "min_clients": 2,
        "custom_props": {"team": "blue", "cost": 2},
    }


def test_other_overrides_are_another_content(tmp_path):
    contents = {
        copy_job_folder(JOB, tmp_path / str(number), overrides).content
        for number, overrides in enumerate([None, {}, {"name": "other"}, {"min_clients": 2}])
    }
    assert len(contents) == 3


@pytest.mark.parametrize(
    ("overrides", "fault"),
    [
        ({"min_clients": "many"}, "min_clients: Input should be a valid integer"),
        ({"mandatory_clients": "seattle"}, "mandatory_clients: Input should be a valid list"),
        ({"name": None}, "name: Value error, may not be null"),
        ({"job_id": "1"}, "job_id is not yours to choose"),
    ],
)
def test_overrides_that_cannot_be_are_named(tmp_path, overrides, fault):
    with pytest.raises(JobDefinitionError, match=fault):
        copy_job_folder(JOB, tmp_path / "copy", overrides)


def test_the_copy_has_the_name_of_the_folder_and_a_job_without_one_too(job, tmp_path):
    (job / "meta.json").write_text(json.dumps({key: value for key, value in META.items() if key != "name"}))
    named = job.rename(tmp_path / "two words (1)")
    copy = copy_job_folder(named, tmp_path / "copy")
    assert (copy.name, copy.path) == ("two words (1)", tmp_path / "copy" / "two_words_1_")
    copy.named("1", None)
    assert json.loads((copy.path / "meta.json").read_text())["name"] == "two words (1)"
    assert copy.content == copy_job_folder(named.rename(tmp_path / "other"), tmp_path / "b").content


def test_the_name_that_a_job_has_is_its_own(job, tmp_path):
    assert copy_job_folder(job, tmp_path / "copy").name == META["name"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("-rf", "rf"), ("..hidden", "hidden"), ("ä", "job"), ("Übung 1", "bung_1"), ("a.b_c-d", "a.b_c-d")],
)
def test_flare_gets_a_folder_name_that_it_takes(job, tmp_path, name, expected):
    assert copy_job_folder(job.rename(tmp_path / name), tmp_path / "copy").path.name == expected


@pytest.mark.parametrize(("path", "name"), [("job/.", "job"), ("job/app/..", "job"), (".", "job"), ("job/", "job")])
def test_however_the_path_is_written(job, tmp_path, monkeypatch, path, name):
    monkeypatch.chdir(job if path == "." else tmp_path)
    assert copy_job_folder(Path(path), tmp_path / "copy").path.name == name


def test_a_job_that_the_release_before_submitted_is_the_same_still(tmp_path):
    (tmp_path / "job" / "app" / "config").mkdir(parents=True)
    (tmp_path / "job" / "meta.json").write_text('{"name": "pinned", "deploy_map": {"app": ["@ALL"]}}')
    (tmp_path / "job" / "app" / "config" / "config_fed_server.json").write_text('{"format_version": 2}')
    content = copy_job_folder(tmp_path / "job", tmp_path / "copy").content
    assert content == "65b37244765d64b03b7726dfdf04a99b81f4e646a1524176878c930305d44b42"


HOCON = """{
  name = "sleep trial"   // as nvflare job create writes it
  resource_spec {}
  deploy_map { app = ["@ALL"] }
  min_clients = 2
}"""
YAML = "name: sleep trial\nresource_spec: {}\ndeploy_map:\n  app: ['@ALL']\nmin_clients: 2\n"


@pytest.mark.parametrize(
    ("file", "text"), [("meta.conf", HOCON), ("meta.yml", YAML), ("meta.yaml", YAML), ("meta.json.default", None)]
)
def test_a_job_whose_meta_is_in_another_form_is_the_same_job(job, tmp_path, file, text):
    meta = {"name": "sleep trial", "resource_spec": {}, "deploy_map": {"app": ["@ALL"]}, "min_clients": 2}
    (job / "meta.json").write_text(json.dumps(meta))
    plain = copy_job_folder(job, tmp_path / "plain")
    (job / "meta.json").unlink()
    (job / file).write_text(text or json.dumps(meta))
    copy = copy_job_folder(job, tmp_path / "copy")
    assert (copy.meta, copy.content) == (meta, plain.content)
    assert files(copy.named("1", None)) == files(plain.named("1", None))


def test_of_two_metas_the_one_that_flare_reads_counts(job, tmp_path):
    (job / "meta.conf").write_text('name = "another"')
    assert copy_job_folder(job, tmp_path / "copy").name == META["name"]


def test_a_folder_with_one_job_in_it_is_that_job(tmp_path, job):
    # As a script's --export, or export_job, makes it.
    copy = copy_job_folder(job.parent, tmp_path / "copy")
    assert (copy.path.name, files(copy.path)) == ("job", files(JOB))


def test_of_several_jobs_none_is_taken(tmp_path, job):
    shutil.copytree(job, tmp_path / "second")
    with pytest.raises(JobDefinitionError, match=r"There are 2 FLARE jobs at .*: job, second\. Give one of them"):
        copy_job_folder(tmp_path, tmp_path / "copy")


@pytest.mark.parametrize("beside", ["meta.txt", "data/meta.csv"])
def test_what_is_only_called_like_a_meta_does_not_hide_the_job(tmp_path, job, beside):
    (tmp_path / beside).parent.mkdir(exist_ok=True)
    (tmp_path / beside).write_text("of something else")
    copy = copy_job_folder(tmp_path, tmp_path / "copy")
    assert (copy.path.name, files(copy.path)) == ("job", files(JOB))


def test_a_job_in_a_folder_that_is_a_link(tmp_path, job):
    # As several jobs of one ConfigMap are mounted.
    mounted = tmp_path / "mounted"
    shutil.copytree(job, mounted / "..2026_11_28" / "fedavg")
    (mounted / "..data").symlink_to("..2026_11_28")
    (mounted / "fedavg").symlink_to("..data/fedavg")
    (mounted / "again").symlink_to(".")
    copy = copy_job_folder(mounted, tmp_path / "a")
    assert (copy.path.name, files(copy.path)) == ("fedavg", files(JOB))
    (mounted / "again").unlink()
    packed = shutil.make_archive(str(tmp_path / "packed"), "tar", mounted)
    assert copy_job_folder(Path(packed), tmp_path / "b").content == copy.content


def test_a_link_to_a_job_that_is_there_is_not_another(tmp_path, job):
    (tmp_path / "a_link").symlink_to("job")
    assert copy_job_folder(tmp_path, tmp_path / "copy").path.name == "job"


@pytest.mark.parametrize("there", [["meta.txt"], ["meta.toml", "meta.JSON"]])
def test_a_meta_that_flare_does_not_read_is_named(job, tmp_path, there):
    (job / "meta.json").unlink()
    for name in there:
        (job / name).write_text("{}")
    with pytest.raises(JobDefinitionError, match=rf"job at .*{there[0]}.* FLARE reads none but meta"):
        copy_job_folder(job, tmp_path / "copy")


def test_what_is_there_instead_of_a_job_is_named(job, tmp_path):
    (job / "meta.json").unlink()
    (job / ".DS_Store").write_text("")
    with pytest.raises(JobDefinitionError, match=r"There is no FLARE job at .*, which holds app: a job is"):
        copy_job_folder(job, tmp_path / "copy")
    with pytest.raises(JobDefinitionError, match=r"There is no FLARE job at .*nowhere: a job is"):
        copy_job_folder(tmp_path / "nowhere", tmp_path / "copy")


def test_custom_properties_that_are_no_object_are_refused(job, tmp_path):
    (job / "meta.json").write_text(json.dumps(META | {"custom_props": "text"}))
    with pytest.raises(JobDefinitionError, match="custom_props are a str, and have to be an object"):
        copy_job_folder(job, tmp_path / "copy")
