from __future__ import annotations

import io
import json
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import JobDefinitionError
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder

JOB = Path(__file__).resolve().parents[2] / "federation" / "flare_jobs" / "sleep"
META = json.loads((JOB / "meta.json").read_text())


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
    unpacked = copy_job_folder(Path(archive), tmp_path / "a" / "copy")
    assert files(unpacked.path) == files(JOB)
    assert unpacked.content == copy_job_folder(JOB, tmp_path / "b").content
    assert [path.name for path in unpacked.path.parent.iterdir()] == ["copy"], "nothing else is left behind"


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
