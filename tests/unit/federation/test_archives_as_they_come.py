"""Jobs and kits in archives as people's tools make them, on any system, and what is no clear one."""

from __future__ import annotations

import bz2
import copy
import gzip
import io
import lzma
import os
import stat
import struct
import subprocess
import tarfile
import zipfile

import pytest

from airflow_provider_dfm.federation import archives
from airflow_provider_dfm.federation.errors import JobDefinitionError
from tests.unit.federation.test_folders_as_they_come import JOB, KIT, Jobs, Kits, read, write

MACOS = 3  # as Unix
WINDOWS = 0


@pytest.fixture(params=[Jobs, Kits], ids=["job", "kit"])
def kind(request):
    return request.param


def make_zip(path, files, system=MACOS, flags=0):
    """Write a zip whose names are taken as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, text in files.items():
            info = zipfile.ZipInfo("x")
            info.filename, info.create_system, info.compress_type = name, system, zipfile.ZIP_DEFLATED
            packed.writestr(info, text)
    content = bytearray(path.read_bytes())
    for start, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        position = content.find(start)
        while flags and position >= 0:
            struct.pack_into("<H", content, position + at, flags)
            position = content.find(start, position + 4)
    path.write_bytes(content)
    return path


def make_tar(path, members, mode="w"):
    """Write a tar: text or bytes of files, ``TarInfo`` of anything else."""
    with tarfile.open(path, mode) as packed:
        for name, what in members.items():
            if isinstance(what, tarfile.TarInfo):
                what.name = name
                packed.addfile(what)
                continue
            content = what.encode() if isinstance(what, str) else what
            info = tarfile.TarInfo(name)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return path


def link(leads_to, kind=tarfile.SYMTYPE):
    info = tarfile.TarInfo()
    info.type, info.linkname = kind, leads_to
    return info


def below(top, files):
    return {f"{top}{name}": content for name, content in files.items()}


# What macOS's Archive Utility adds.
APPLE = {"__MACOSX/._source": "double", "__MACOSX/source/._meta.json": "double", "source/.DS_Store": "finder"}


def _macos(path, files):
    return make_zip(path / "a.zip", {"source/": "", **below("source/", files), **APPLE})


def _windows(path, files):
    return make_zip(
        path / "a.zip", {name.replace("/", "\\"): text for name, text in below("source/", files).items()}, WINDOWS
    )


def _windows_with_folders(path, files):
    folders = {"source\\": "", **{f"source\\{name.partition('/')[0]}\\": "" for name in files if "/" in name}}
    names = {name.replace("/", "\\"): text for name, text in below("source/", files).items()}
    return make_zip(path / "a.zip", folders | names, WINDOWS)


def _gnu_tar(path, files):
    write(path / "source", files)
    subprocess.run(["tar", "czf", path / "a.tgz", "-C", path / "source", "."], check=True)
    return path / "a.tgz"


def _labelled(path, files):
    write(path / "source", files)
    subprocess.run(["tar", "cf", path / "a.tar", "--label=/backup", "-C", path, "source"], check=True)
    return path / "a.tar"


def _bsd_tar(path, files):
    return make_tar(
        path / "a.tar.gz", below("./source/", files) | below("./source/._", {"meta.json": "double"}), "w:gz"
    )


def _deep(path, files):
    return make_tar(path / "a.tar", below("home/me/work/source/", files) | {"home/me/README": "text"})


def _beside_others(path, files):
    return make_zip(path / "a.zip", {"README.md": "text", "docs/index.md": "text", **below("source/", files)})


def _appended(path, files):
    # A model of PyTorch's is a zip: the last 64 kB of the tar look like the end of one.
    inner = make_zip(path / "model.pt", {"data.pkl": "pickle"}).read_bytes()
    (path / "model.pt").unlink()
    return make_tar(path / "a.tar", {**files, "model.pt": inner})


MADE_BY = {
    "macOS": _macos,
    "PowerShell": _windows,
    "PowerShell with folders": _windows_with_folders,
    "tar of .": _gnu_tar,
    "tar with a label": _labelled,
    "bsdtar": _bsd_tar,
    "tar of a long path": _deep,
    "zip of a repository": _beside_others,
    "tar with a zip at its end": _appended,
}


@pytest.mark.parametrize("tool", MADE_BY)
def test_what_is_in_it_is_what_was_packed(kind, tmp_path, tool):
    (tmp_path / "made").mkdir()
    copied = read(kind.copy(MADE_BY[tool](tmp_path / "made", kind.files), tmp_path / "copy"))
    copied.pop("model.pt", None)
    assert copied == kind.files


@pytest.mark.parametrize("tool", [tool for tool in MADE_BY if tool != "tar with a zip at its end"])
def test_a_job_does_the_same_whatever_it_came_in(tmp_path, tool):
    (tmp_path / "made").mkdir()
    archive = MADE_BY[tool](tmp_path / "made", JOB)
    assert Jobs.content(archive, tmp_path / "a") == Jobs.content(write(tmp_path / "plain", JOB), tmp_path / "b")


@pytest.mark.parametrize(
    ("name", "top", "expected"),
    [("fedavg.zip", "", "fedavg"), ("fedavg.zip", "job 1/", "job_1"), ("v1.2.zip", "", "v1.2")],
)
def test_the_jobs_folder_has_its_name_or_the_archives(tmp_path, name, top, expected):
    assert Jobs.copy(make_zip(tmp_path / name, below(top, JOB)), tmp_path / "copy").name == expected
    tar = make_tar(tmp_path / f"{name.removesuffix('.zip')}.tar.gz", below(top, JOB), "w:gz")
    assert Jobs.copy(tar, tmp_path / "second").name == expected


def test_links_in_it_are_what_they_lead_to(kind, tmp_path):
    files = kind.files | {
        "shared/one.py": "value = 1",
        f"{kind.inside}/two.py": link("../shared/one.py"),
        f"{kind.inside}/three.py": link("shared/one.py", tarfile.LNKTYPE),
        f"{kind.inside}/library": link("../shared"),
        f"{kind.inside}/.#two.py": link("user@host.1234:1700000000"),
    }
    copied = kind.copy(make_tar(tmp_path / "a.tar", files), tmp_path / "copy")
    assert not any(path.is_symlink() for path in copied.rglob("*"))
    inside = {f"{kind.inside}/{name}": "value = 1" for name in ("two.py", "three.py", "library/one.py")}
    assert read(copied).items() >= (kind.files | inside).items()
    assert not list(copied.rglob(".#*"))


def test_links_that_zip_has_stored_are_what_they_lead_to(kind, tmp_path):
    path = make_zip(tmp_path / "a.zip", {**kind.files, "shared.py": "value = 1"})
    with zipfile.ZipFile(path, "a") as packed:
        info = zipfile.ZipInfo(f"{kind.inside}/link.py")
        info.create_system, info.external_attr = MACOS, (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "../shared.py")
    assert read(kind.copy(path, tmp_path / "copy"))[f"{kind.inside}/link.py"] == "value = 1"


def test_a_tar_of_a_mounted_config_map(kind, tmp_path):
    tops = {name.partition("/")[0] for name in kind.files}
    members = {**below("./..2026_11_28/", kind.files), "./..data": link("..2026_11_28")}
    members |= {f"./{name}": link(f"..data/{name}") for name in tops}
    assert read(kind.copy(make_tar(tmp_path / "a.tar", members), tmp_path / "copy")) == kind.files


def test_a_name_that_macos_wrote_in_utf_8(tmp_path):
    # Without the flag that says so.
    path = make_zip(tmp_path / "a.zip", {**JOB, "app/custom/größe.py": ""})
    content = path.read_bytes()
    path.write_bytes(content.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00"))
    with zipfile.ZipFile(path) as packed:
        assert not any("größe" in name for name in packed.namelist())
    assert "app/custom/größe.py" in read(Jobs.copy(path, tmp_path / "copy"))


UNCLEAR = {
    "encrypted": (lambda path, files: make_zip(path / "a.zip", files, flags=1), "is encrypted; unpack the archive"),
    "a name twice in a tar": (
        lambda path, files: make_tar(path / "a.tar", files | below("./", files)),
        "is there twice",
    ),
    "a name twice in a zip": (
        lambda path, files: make_zip(path / "a.zip", files | {"local//x": "1", "local/x": "2"}),
        "local/x is there twice",
    ),
    "a file and a folder": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/x": "1", "local/x/y": "2"}),
        "local/x is a file and a folder",
    ),
    "a path that leads out": (
        lambda path, files: make_zip(path / "a.zip", files | {"../../escaped": "1"}),
        r"\.\./\.\./escaped leads out of the archive",
    ),
    "a path that leads out by backslashes": (
        lambda path, files: make_zip(path / "a.zip", files | {"..\\..\\escaped": "1"}, WINDOWS),
        r"\.\./\.\./escaped leads out of the archive",
    ),
    "an absolute path": (
        lambda path, files: make_tar(path / "a.tar", files | {"/escaped": "1"}),
        "/escaped leads out of the archive",
    ),
    "a drive": (
        lambda path, files: make_zip(path / "a.zip", files | {"C:\\escaped": "1"}, WINDOWS),
        "C:/escaped leads out of the archive",
    ),
    "a link that leads out": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/link": link("../../../etc/passwd")}),
        "local/link links to what is not in the archive",
    ),
    "an absolute link": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/link": link("/etc")}),
        "local/link links to what is not in the archive",
    ),
    "a file below a link": (
        lambda path, files: make_tar(path / "a.tar", files | {"way": link("/tmp"), "way/escaped": "1"}),
        "way is a file and a folder",
    ),
    "a pipe": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/pipe": link("", tarfile.FIFOTYPE)}),
        "local/pipe is no file or folder",
    ),
    "a device": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/device": link("", tarfile.CHRTYPE)}),
        "local/device is no file or folder",
    ),
    "a long name": (
        lambda path, files: make_zip(path / "a.zip", files | {f"local/{'x' * 256}": "1"}),
        r"x{40}\.\.\. is a name of more than 255 bytes",
    ),
    "many levels": (
        lambda path, files: make_tar(path / "a.tar", files | {"local/" + "x/" * 1200 + "y": "1"}),
        r"local(/x)+/?\.\.\. lies more than 100 folders deep",
    ),
    "a backslash in a tar": (
        lambda path, files: make_tar(path / "a.tar", files | {"local\\x": "1"}),
        "has a backslash in its name",
    ),
}


@pytest.mark.parametrize("what", UNCLEAR)
def test_what_is_not_clear_is_refused_by_name(kind, tmp_path, what):
    make, fault = UNCLEAR[what]
    (tmp_path / "made").mkdir()
    with pytest.raises(kind.error, match=rf"a\.(zip|tar) is an archive that cannot be taken as it is: .*{fault}"):
        kind.copy(make(tmp_path / "made", kind.files), tmp_path / "copy")
    assert not list(tmp_path.rglob("escaped"))


def test_a_link_in_a_circle_is_refused_by_name(kind, tmp_path):
    archive = make_tar(tmp_path / "a.tar", kind.files | {f"{kind.inside}/self": link(".")})
    with pytest.raises(kind.error, match="self is a link to a folder that it lies in"):
        kind.copy(archive, tmp_path / "copy")


@pytest.mark.parametrize("form", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", ["local/zeros", "__MACOSX/zeros"])
def test_what_would_fill_the_disk_or_take_hours_is_refused(kind, tmp_path, monkeypatch, form, name):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1_000_000)
    files = kind.files | {name: "0" * 5_000_000}
    archive = make_zip(tmp_path / "a.zip", files) if form == "zip" else make_tar(tmp_path / "a.tgz", files, "w:gz")
    with pytest.raises(kind.error, match="unpacks to more than 1000000 bytes, which is more than 100 times its size"):
        kind.copy(archive, tmp_path / "copy")


@pytest.mark.parametrize("linked", ["files", "hard links", "folders"])
def test_links_do_not_make_it_more(kind, tmp_path, monkeypatch, linked):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1_000_000)
    files = kind.files | {"local/0/zeros": os.urandom(5_000)}
    if linked == "folders":
        for level in range(1, 30):
            files |= {f"local/{level}/{side}": link(f"../{level - 1}") for side in "ab"}
    else:
        hard = linked == "hard links"
        to = link("local/0/zeros", tarfile.LNKTYPE) if hard else link("0/zeros")
        files |= {f"local/{number}.bin": copy.copy(to) for number in range(300)}
    with pytest.raises(kind.error, match="unpacks to more than"):
        kind.copy(make_tar(tmp_path / "a.tar.gz", files, "w:gz"), tmp_path / "copy")


def test_a_size_that_is_not_true_does_not_help(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ALWAYS_ALLOWED_BYTES", 1_000_000)
    path = make_zip(tmp_path / "a.zip", kind.files | {"local/zeros": "0" * 5_000_000})
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 5_000_000), struct.pack("<I", 1000)))
    with pytest.raises(kind.error, match="BadZipFile: Bad CRC-32 for file 'local/zeros'"):
        kind.copy(path, tmp_path / "copy")


def test_so_are_more_files_than_anybody_has(kind, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_MEMBERS", 50)
    archive = make_zip(tmp_path / "a.zip", kind.files | {f"local/{number}": "" for number in range(50)})
    with pytest.raises(kind.error, match="it holds more than 50 files"):
        kind.copy(archive, tmp_path / "copy")


DAMAGE = {
    "a bit": (lambda content, at: content[:at] + b"X" + content[at + 1 :], "a damaged header"),
    "a cut": (lambda content, at: content[: at + 100], "a damaged header"),
    "a cut between files": (lambda content, at: content[:at], "it was cut off"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("form", ["", "gz", "bz2", "xz"])
def test_a_damaged_tar_is_not_taken_for_its_first_part(kind, tmp_path, damage, form):
    name = "local/late.py"
    content = make_tar(tmp_path / "a.tar", kind.files | {name: "value = 1"}).read_bytes()
    do_damage, fault = DAMAGE[damage]
    content = do_damage(content, content.rindex(name.encode()))
    packed = {"": lambda content: content, "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}[form](content)
    (tmp_path / "a.tar").write_bytes(packed)
    with pytest.raises(kind.error, match=rf"neither a folder nor a readable zip or tar .*{fault}"):
        kind.copy(tmp_path / "a.tar", tmp_path / "copy")


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_that_would_fill_the_memory_is_refused(kind, tmp_path, form):
    make_tar(tmp_path / "a.tar", kind.files)
    with tarfile.open(tmp_path / "a.tar", "a", format=form) as packed:
        packed.addfile(tarfile.TarInfo("x" * 2**21))
    with pytest.raises(kind.error, match=r"neither a folder nor a readable zip or tar .*a header of \d+ bytes"):
        kind.copy(tmp_path / "a.tar", tmp_path / "copy")


@pytest.mark.parametrize(("content", "name"), [(b"7z\xbc\xaf\x27\x1c\x00\x04", "7z"), (b"Rar!\x1a\x07\x01\x00", "rar")])
def test_another_kind_of_archive_is_named(kind, tmp_path, content, name):
    (tmp_path / "a.zip").write_bytes(content + bytes(2000))
    with pytest.raises(kind.error, match=rf"neither a folder nor a readable zip or tar .*it is a {name}"):
        kind.copy(tmp_path / "a.zip", tmp_path / "copy")


def test_several_jobs_or_none_in_it_are_named(tmp_path):
    two = make_zip(tmp_path / "two.zip", below("jobs/a/", JOB) | below("jobs/b/", JOB))
    with pytest.raises(JobDefinitionError, match=r"There are 2 FLARE jobs at .*two\.zip: jobs/a, jobs/b\. Give one"):
        Jobs.copy(two, tmp_path / "a")
    packed = make_zip(tmp_path / "packed.zip", {"job.zip": (tmp_path / "two.zip").read_bytes(), "README": "text"})
    with pytest.raises(JobDefinitionError, match=r"no FLARE job at .*packed\.zip, which holds README, job\.zip"):
        Jobs.copy(packed, tmp_path / "b")
    kit = make_zip(tmp_path / "kit.zip", KIT)
    with pytest.raises(JobDefinitionError, match=r"There is no FLARE job at .*kit\.zip, which holds local, startup"):
        Jobs.copy(kit, tmp_path / "c")


# A federation's whole folder, as provisioning leaves it.
PROVISIONED = {
    **below("prod_00/admin@nvidia.com/", KIT),
    "prod_00/server/startup/fed_server.json": "{}",
    "prod_00/site-1/startup/fed_client.json": "{}",
    "prod_00/site-1/local/resources.json.default": "{}",
}


def test_of_a_whole_federation_the_users_kit_is_taken(tmp_path):
    assert read(Kits.copy(make_zip(tmp_path / "a.zip", PROVISIONED), tmp_path / "copy")) == KIT


def test_of_several_users_kits_none_is_taken(tmp_path):
    archive = make_zip(tmp_path / "a.zip", PROVISIONED | below("prod_00/lead@nvidia.com/", KIT))
    with pytest.raises(Kits.error, match=r"several startup kits at .*: prod_00/admin@.*, prod_00/lead@.*Name one"):
        Kits.copy(archive, tmp_path / "copy")


def test_a_job_that_is_given_as_a_kit_is_no_kit(tmp_path):
    with pytest.raises(Kits.error, match=r"not whole: startup/fed_admin\.json, .* missing"):
        Kits.copy(make_zip(tmp_path / "a.zip", JOB), tmp_path / "copy")


def test_nothing_of_an_archive_is_left_beside_the_copy(kind, tmp_path):
    copied = kind.copy(make_zip(tmp_path / "a.zip", kind.files), tmp_path / "copy")
    assert os.listdir(tmp_path / "copy") == [copied.name]
