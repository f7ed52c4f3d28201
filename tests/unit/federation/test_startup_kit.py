from __future__ import annotations

import base64
import shutil
import stat
import tarfile
import zipfile

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.errors import StartupKitError
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit, unpack_startup_kit


@pytest.fixture
def kit(tmp_path):
    root = tmp_path / "kit"
    for name in ("fed_admin.json", "client.crt", "client.key", "rootCA.pem"):
        (root / "startup").mkdir(parents=True, exist_ok=True)
        (root / "startup" / name).write_text(name)
    (root / "local").mkdir()
    (root / "local" / "resources.json.default").write_text("{}")
    return root


@pytest.fixture
def private(tmp_path):
    folder = tmp_path / "private"
    folder.mkdir(mode=0o700)
    return folder


def _is_whole_and_private(root):
    assert (root / "startup" / "client.key").read_text() == "client.key"
    assert (root / "transfer").is_dir()
    for path in root.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


@pytest.mark.parametrize("form", ["folder", "its startup folder", "zip", "tar", "zip with the folder in it"])
def test_a_kit_in_any_form(kit, private, tmp_path, form):
    source = kit
    if form == "its startup folder":
        source = kit / "startup"
    elif form == "zip":
        source = shutil.make_archive(str(tmp_path / "a"), "zip", kit)
    elif form == "tar":
        source = shutil.make_archive(str(tmp_path / "a"), "gztar", kit)
    elif form == "zip with the folder in it":
        source = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "kit")
    _is_whole_and_private(copy_startup_kit(tmp_path / source, private))


def test_a_kit_as_text(kit, private, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", kit)
    with open(archive, "rb") as file:
        content = base64.encodebytes(file.read()).decode()
    _is_whole_and_private(unpack_startup_kit(content, private))


def test_a_kit_that_cannot_be_written_to_stays_as_it_is(kit, private):
    for path in [*kit.rglob("*"), kit]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    _is_whole_and_private(copy_startup_kit(kit, private))
    assert not (kit / "transfer").exists()


def test_missing(private, tmp_path):
    with pytest.raises(StartupKitError, match="There is no startup kit at"):
        copy_startup_kit(tmp_path / "nowhere", private)


@pytest.mark.parametrize("name", ["startup/client.key", "startup/fed_admin.json", "local"])
def test_not_whole(kit, private, name):
    shutil.rmtree(kit / name) if (kit / name).is_dir() else (kit / name).unlink()
    with pytest.raises(StartupKitError, match=f"not whole: {name} missing"):
        copy_startup_kit(kit, private)


def test_corrupt_archive(private, tmp_path):
    (tmp_path / "kit.zip").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(StartupKitError, match="neither a folder nor a readable zip or tar"):
        copy_startup_kit(tmp_path / "kit.zip", private)


@pytest.mark.parametrize("content", ["not base64!", base64.b64encode(b"rubbish").decode()])
def test_corrupt_text(private, content):
    with pytest.raises(StartupKitError):
        unpack_startup_kit(content, private)


def test_an_archive_cannot_leave_its_folder(private, tmp_path):
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as archive:
        archive.writestr("../../escaped", "x")
    with pytest.raises(StartupKitError):
        copy_startup_kit(tmp_path / "kit.zip", private)
    (tmp_path / "outside").write_text("x")
    with tarfile.open(tmp_path / "kit.tar", "w") as archive:
        archive.add(tmp_path / "outside", arcname="../escaped")
    with pytest.raises(StartupKitError):
        copy_startup_kit(tmp_path / "kit.tar", private)
    assert not list(tmp_path.rglob("escaped")) or all(private in path.parents for path in tmp_path.rglob("escaped"))


@pytest.mark.parametrize(
    ("kind", "leads_to", "why"),
    [
        (tarfile.SYMTYPE, "/etc/hostname", "links to what is not in the archive"),
        (tarfile.LNKTYPE, "../../secret", "links to what is not in the archive"),
        (tarfile.SYMTYPE, "link", "links to what is not in the archive"),
        (tarfile.FIFOTYPE, "", "is no file or folder"),
    ],
)
def test_what_is_no_file_of_an_archives_own_is_refused(private, tmp_path, kind, leads_to, why):
    member = tarfile.TarInfo("link")
    member.type, member.linkname = kind, leads_to
    with tarfile.open(tmp_path / "kit.tar", "w") as archive:
        archive.addfile(member)
    with pytest.raises(StartupKitError, match=why):
        copy_startup_kit(tmp_path / "kit.tar", private)


def test_a_kit_that_cannot_be_read_whole(kit, private):
    (kit / "local" / "dangling").symlink_to("/nowhere")
    with pytest.raises(StartupKitError, match=r"in local, dangling is a link to /nowhere, where nothing can be found"):
        copy_startup_kit(kit, private)


def test_a_kit_in_an_object_store(kit, private):
    _is_whole_and_private(copy_startup_kit(ObjectStoragePath(f"file://{kit}"), private))
