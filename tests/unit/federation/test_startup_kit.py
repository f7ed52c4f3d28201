from __future__ import annotations

import base64
import io
import random
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


@pytest.mark.parametrize(
    "change", [lambda text: text.replace("+", "-").replace("/", "_"), lambda text: text.rstrip("=")]
)
def test_a_kit_as_text_of_another_tool(kit, private, change):
    unpack_startup_kit(change(_text_of_any_letters(kit)), private)
    _is_whole_and_private(private / "startup_kit")


def test_a_kit_as_text_in_a_uri_that_was_written_by_hand(kit, private):
    """A plus is a space there."""
    with pytest.raises(StartupKitError, match=r"each \+ of it has to be written as %2B"):
        unpack_startup_kit(_text_of_any_letters(kit).replace("+", " "), private)


def _text_of_any_letters(kit):
    """A kit's text with each letter of base64 in it."""
    (kit / "local" / "noise").write_bytes(random.Random(3).randbytes(5000))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        packed.add(kit, ".")
    # What is after a gzip file's end, tar does not look at; this makes a = at the end of the text.
    content = archive.getvalue()
    text = base64.b64encode(content + b"\0" * (1 - len(content) % 3)).decode()
    assert {"+", "/", "="} <= set(text)
    return text


def test_a_kit_that_cannot_be_written_to_stays_as_it_is(kit, private):
    for path in [*kit.rglob("*"), kit]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    _is_whole_and_private(copy_startup_kit(kit, private))
    assert not (kit / "transfer").exists()


def test_missing(private, tmp_path):
    with pytest.raises(StartupKitError, match="There is no startup kit at"):
        copy_startup_kit(tmp_path / "nowhere", private)


@pytest.mark.parametrize("name", ["startup/client.key", "startup/fed_admin.json"])
def test_not_whole(kit, private, name):
    (kit / name).unlink()
    with pytest.raises(StartupKitError, match=f"not whole: {name} missing"):
        copy_startup_kit(kit, private)


@pytest.mark.parametrize(("name", "kind"), [("fed_client.json", "site"), ("fed_server.json", "server")])
def test_somebody_elses_kind_of_kit(kit, private, name, kind):
    (kit / "startup" / "fed_admin.json").rename(kit / "startup" / name)
    with pytest.raises(StartupKitError, match=f"It is the kit of a {kind}: there is a {name} in it"):
        copy_startup_kit(kit, private)


def test_a_kit_without_its_empty_folders(kit, private):
    shutil.rmtree(kit / "local")
    root = copy_startup_kit(kit, private)
    _is_whole_and_private(root)
    assert (root / "local").is_dir()


@pytest.mark.parametrize("folders", ["", "kit", "prod_00/kit", "workspace/prod_00/kit"])
@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_with_the_folders_that_a_kit_lay_in(kit, private, tmp_path, folders, kind):
    shutil.copytree(kit, tmp_path / "packed" / folders, dirs_exist_ok=True)
    for beside in ("__MACOSX/kit/startup/fed_admin.json", ".hidden/startup/fed_admin.json", "readme.txt"):
        (tmp_path / "packed" / beside).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "packed" / beside).write_text("what is beside a kit")
    archive = shutil.make_archive(str(tmp_path / "a"), kind, tmp_path / "packed")
    _is_whole_and_private(copy_startup_kit(tmp_path / archive, private))


def test_a_folder_with_one_kit_of_an_administrator_in_it(kit, private, tmp_path):
    site = tmp_path / "seattle" / "startup"
    site.mkdir(parents=True)
    (site / "fed_client.json").write_text("{}")
    _is_whole_and_private(copy_startup_kit(ObjectStoragePath(f"file://{tmp_path}"), private))


@pytest.mark.parametrize("packed", [False, True])
def test_a_folder_with_the_kits_of_several_administrators(kit, private, tmp_path, packed):
    shutil.copytree(kit, tmp_path / "folder" / "analyst@weather.example")
    shutil.copytree(kit, tmp_path / "folder" / "admin@weather.example")
    source = tmp_path / "folder"
    if packed:
        source = tmp_path / shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path / "folder")
    with pytest.raises(StartupKitError, match=r"several .*: admin@weather\.example, analyst@weather\.ex"):
        copy_startup_kit(source, private)


def test_files_that_the_kit_itself_calls_otherwise(kit, private):
    (kit / "startup" / "client.crt").rename(kit / "startup" / "analyst.crt")
    (kit / "startup" / "fed_admin.json").write_text('{"admin": {"client_cert": "analyst.crt", "ca_cert": "ca.pem"}}')
    with pytest.raises(StartupKitError, match=r"not whole: startup/ca\.pem missing"):
        copy_startup_kit(kit, private)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_editors_and_mail_make_of_a_kits_text(kit, private, encoding, line_end):
    names = ("fed_admin.json", "client.crt", "client.key", "rootCA.pem")
    for name in names:
        (kit / "startup" / name).write_bytes(f"one{line_end}two{line_end}".encode(encoding))
    root = copy_startup_kit(kit, private)
    assert {(root / "startup" / name).read_bytes() for name in names} == {b"one\ntwo\n"}


def test_what_is_no_text_in_a_kit_stays_as_it_is(kit, private):
    (kit / "startup" / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert (copy_startup_kit(kit, private) / "startup" / "picture.png").read_bytes() == b"\x89PNG\r\n\x1a\n"


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
