"""Jobs and kits in folders as people have them: with what systems leave there, links, pipes and odd names."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.errors import JobDefinitionError, StartupKitError
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit
from tests.unit.federation.meta_files import read_here

JOB = {
    "meta.json": '{"name": "folders", "deploy_map": {"app": ["@ALL"]}}',
    "app/config/config_fed_server.json": "{}",
    "app/config/config_fed_client.json": "{}",
    "app/custom/code.py": "value = 1",
}
KIT = {
    "startup/fed_admin.json": "{}",
    "startup/client.crt": "crt",
    "startup/client.key": "key",
    "startup/rootCA.pem": "ca",
    "local/resources.json.default": "{}",
}


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def read(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_text(errors="replace") for path in files}


class Jobs:
    """Copies jobs; ``content`` says what they do."""

    files = JOB
    error = JobDefinitionError
    inside = "app"

    @staticmethod
    def copy(source, folder):
        return copy_job_folder(source, folder, read_here).path

    @staticmethod
    def content(source, folder):
        return copy_job_folder(source, folder, read_here).content


class Kits:
    """Copies kits."""

    files = KIT
    error = StartupKitError
    inside = "startup"

    @staticmethod
    def copy(source, folder):
        folder.mkdir()
        return copy_startup_kit(source, folder)


@pytest.fixture(params=[Jobs, Kits], ids=["job", "kit"])
def kind(request):
    return request.param


@pytest.fixture
def folder(kind, tmp_path):
    return write(tmp_path / "source", kind.files)


@pytest.fixture
def job(tmp_path):
    return write(tmp_path / "source", JOB)


LEFT_BEHIND = {
    "app/custom/__pycache__/code.cpython-311.pyc": "byte code",
    "app/custom/code.pyc": "byte code",
    ".DS_Store": "finder",
    "app/._config": "apple double",
    "app/config/.nfs0000000000000001": "open elsewhere",
    "app/config/.config_fed_server.json.swp": "vim",
    "app/config/config_fed_server.json~": "emacs",
    "app/custom/.ipynb_checkpoints/code.py": "jupyter",
    ".git/index": "git",
    "Thumbs.db": "explorer",
}


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_what_was_left_in_a_job_is_neither_submitted_nor_of_what_it_does(job, tmp_path, name):
    plain = Jobs.content(job, tmp_path / "plain")
    write(job, {name: LEFT_BEHIND[name]})
    assert Jobs.content(job, tmp_path / "content") == plain
    assert read(Jobs.copy(job, tmp_path / "copy")) == JOB


def test_byte_code_without_its_source_is_code(job, tmp_path):
    write(job, {"app/custom/other.pyc": "byte code"})
    assert read(Jobs.copy(job, tmp_path / "copy")) == JOB | {"app/custom/other.pyc": "byte code"}


def test_an_editors_lock_which_leads_nowhere_is_left_out(kind, folder, tmp_path):
    (folder / kind.inside / ".#code.py").symlink_to("user@host.1234:1700000000")
    copied = read(kind.copy(folder, tmp_path / "copy"))
    assert copied == kind.files


@pytest.mark.parametrize("pod", ["..2026_11_28_03_00_00.1111", "..2026_11_28_04_00_00.2222"])
def test_a_mounted_config_map_is_what_is_in_it_once(kind, tmp_path, pod):
    mounted = tmp_path / "source"
    write(mounted / pod, kind.files)
    (mounted / "..data").symlink_to(pod)
    for name in os.listdir(mounted / pod):
        (mounted / name).symlink_to(f"..data/{name}")
    assert read(kind.copy(mounted, tmp_path / "copy")) == kind.files
    if kind is Jobs:
        plain = write(tmp_path / "plain", JOB)
        assert Jobs.content(mounted, tmp_path / "a") == Jobs.content(plain, tmp_path / "b")


def _pipe(path):
    os.mkfifo(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        # The path of a socket must be short.
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            listening.bind(path.name)
        finally:
            os.chdir(before)


def _device(path):
    path.symlink_to("/dev/null")


NO_FILES = {"a named pipe": _pipe, "a socket": _socket, "a device": _device}


@pytest.mark.parametrize("what", NO_FILES)
def test_what_is_no_file_is_refused_by_name(kind, folder, tmp_path, what):
    NO_FILES[what](folder / kind.inside / "odd")
    with pytest.raises(kind.error, match=rf"{kind.inside},? ?/?odd is {what}, and no file or folder"):
        kind.copy(folder, tmp_path / "copy")


@pytest.mark.parametrize("leads_to", [".", "..", "../..", "/", "self"])
def test_a_link_in_a_circle_is_refused_by_name(kind, folder, tmp_path, leads_to):
    (folder / kind.inside / "self").symlink_to(leads_to)
    with pytest.raises(kind.error, match=r"self is a link to (a folder that it lies in|self, where nothing)"):
        kind.copy(folder, tmp_path / "copy")


def test_two_links_that_make_a_circle_are_refused_by_name(kind, folder, tmp_path):
    for name, other in (("one", "two"), ("two", "one")):
        (folder / kind.inside / name).mkdir()
        (folder / kind.inside / name / "on").symlink_to(f"../{other}")
    with pytest.raises(kind.error, match=r"one/on/on is a link to a folder that it lies in"):
        kind.copy(folder, tmp_path / "copy")


def test_a_link_that_leads_nowhere_is_refused_by_name(kind, folder, tmp_path):
    (folder / kind.inside / "gone.py").symlink_to("/nowhere/gone.py")
    with pytest.raises(kind.error, match=r"gone\.py is a link to /nowhere/gone\.py, where nothing can be found"):
        kind.copy(folder, tmp_path / "copy")


def test_a_link_out_of_the_folder_is_what_it_leads_to(kind, folder, tmp_path):
    shared = write(tmp_path / "shared", {"library/shared.py": "value = 2", "one.py": "value = 3"})
    (folder / kind.inside / "library").symlink_to(shared / "library")
    (folder / kind.inside / "one.py").symlink_to(shared / "one.py")
    (folder / kind.inside / "again").symlink_to("library")
    copied = kind.copy(folder, tmp_path / "copy")
    assert not any(path.is_symlink() for path in copied.rglob("*"))
    assert read(copied) == kind.files | {
        f"{kind.inside}/library/shared.py": "value = 2",
        f"{kind.inside}/again/shared.py": "value = 2",
        f"{kind.inside}/one.py": "value = 3",
    }


@pytest.mark.parametrize(
    ("name", "fault"),
    [(b"back\\slash.py", "has a backslash in its name"), (b"\xff.py", "has a name that is not in UTF-8")],
)
def test_a_name_that_flare_cannot_send_is_refused(kind, folder, tmp_path, name, fault):
    (folder / kind.inside / os.fsdecode(name)).write_text("value = 1")
    with pytest.raises(kind.error, match=fault):
        kind.copy(folder, tmp_path / "copy")


def test_a_folder_that_is_deeper_than_anybodys_is_refused(kind, folder, tmp_path):
    deep = folder / kind.inside / "/".join("x" * 120)
    deep.mkdir(parents=True)
    with pytest.raises(kind.error, match=r"x/?\.\.\. lies more than 100 folders deep"):
        kind.copy(folder, tmp_path / "copy")


def test_a_folder_without_files_stays(job, tmp_path):
    (job / "app" / "resources").mkdir()
    assert (Jobs.copy(job, tmp_path / "copy") / "app" / "resources").is_dir()
