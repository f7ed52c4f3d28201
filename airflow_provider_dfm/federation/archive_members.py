"""What is in a zip or a tar, whoever packed it, and on which system."""

from __future__ import annotations

import posixpath
import re
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from airflow_provider_dfm.federation.folder_layout import Parts, UnclearFolder

# What a file begins with that is an archive, and neither zip nor tar.
OTHER_FORMATS = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!": "rar", b"\x28\xb5\x2f\xfd": "zstd", b"LZIP": "lzip"}
ENCRYPTED = 0x1
UTF_8 = 0x800
LINK_BYTES = 4096
# A tar's headers that hold names and the like for the next member, which tarfile reads into memory whole.
BEFORE_A_MEMBER = (
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
)
MOST_BYTES_BEFORE_A_MEMBER = 2**20
# GNU tar --label.
LABEL = b"V"

_drive = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True)
class Member:
    """A file, folder or link in an archive.

    :param name: as it stands there, for messages.
    :param parts: the names on the way to it; empty for the archive's own top.
    :param opened: opens a file; None: it is none.
    :param leads_to: where a link leads to; None: it is none.
    :param size: how many bytes a file gives, at most.
    """

    name: str
    parts: Parts
    opened: Callable[[], IO[bytes]] | None = None
    leads_to: str | None = None
    size: int = 0


def members_of(file: IO[bytes]) -> Iterator[Member]:
    """The members of an archive, in its order; each file has to be read before the next member is asked for.

    :param file: a zip, or a tar with or without compression; it can be searched.
    :raises UnclearFolder: a member that is encrypted, leads out of the archive, or is no file, folder or link.
    :raises Exception: it is no archive, or damaged: see ``archives.DAMAGED``.
    """
    # A zip in the last 64 kB of a tar, such as a model of PyTorch's, makes a zip of the tar: zipfile.is_zipfile.
    try:
        packed = tarfile.open(fileobj=file, tarinfo=_TarMember)  # noqa: SIM115 - closed below
    except tarfile.ReadError as error:
        if not zipfile.is_zipfile(file):
            raise tarfile.ReadError(_described(file, error)) from None
        with zipfile.ZipFile(file) as packed_zip:
            for info in packed_zip.infolist():
                yield _of_zip(packed_zip, info)
    else:
        with packed:
            for member in packed:
                yield _of_tar(packed, member)


def _described(file: IO[bytes], error: tarfile.ReadError) -> str:
    file.seek(0)
    begins = file.read(8)
    one_line = " ".join(str(error).split())
    return next((f"it is a {name}" for start, name in OTHER_FORMATS.items() if begins.startswith(start)), one_line)


def _of_zip(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    if info.flag_bits & ENCRYPTED:
        raise UnclearFolder(f"{info.filename} is encrypted; unpack the archive with its password, and give the folder")
    mode = info.external_attr >> 16
    name = _zip_name(info)
    parts = _parts(name)
    if name.endswith("/"):
        return Member(name, parts)
    if stat.S_ISLNK(mode) and info.file_size <= LINK_BYTES:
        return Member(name, parts, leads_to=packed.read(info).decode(errors="surrogateescape"))
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise UnclearFolder(f"{name} is no file or folder")
    return Member(name, parts, lambda: packed.open(info), size=info.file_size)


def _zip_name(info: zipfile.ZipInfo) -> str:
    name = info.filename
    if not info.flag_bits & UTF_8 and not name.isascii():
        # As macOS writes them; zipfile takes such for cp437.
        try:
            name = name.encode("cp437").decode()
        except UnicodeError:
            name = info.filename
    # As Windows PowerShell writes them; the format knows no other separator than the slash.
    return name.replace("\\", "/")


class _TarMember(tarfile.TarInfo):
    """A member of a tar whose headers are all in order."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _TarMember:
        """Read a header: tarfile takes a damaged one, or none, for the archive's end (``TarFile.next``).

        :raises tarfile.ReadError: it is damaged or too large, or the archive was cut off before it.
        """
        try:
            member = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if not buf:
                raise tarfile.ReadError("it was cut off: it has no end mark") from None
            if buf.strip(b"\0"):
                raise tarfile.ReadError(f"a damaged header: {error}") from None
            raise
        if member.type in BEFORE_A_MEMBER and member.size > MOST_BYTES_BEFORE_A_MEMBER:
            raise tarfile.ReadError(f"a header of {member.size} bytes")
        return member


def _of_tar(packed: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    if member.type == LABEL:
        return Member(member.name, ())
    parts = _parts(member.name)
    if member.isdir():
        return Member(member.name, parts)
    if member.issym():
        return Member(member.name, parts, leads_to=member.linkname)
    if member.islnk():
        return Member(member.name, parts, leads_to=_hard_link(member, parts))
    if member.isreg():
        return Member(member.name, parts, lambda: _content(packed, member), size=member.size)
    raise UnclearFolder(f"{member.name} is no file or folder")


def _hard_link(member: tarfile.TarInfo, parts: Parts) -> str:
    """Where it leads to as a link: it names a member, from the archive's top."""
    try:
        target = _parts(member.linkname)
    except UnclearFolder:
        raise UnclearFolder(f"{member.name} links to what is not in the archive") from None
    return posixpath.relpath(posixpath.join("/", *target), posixpath.join("/", *parts[:-1]))


def _content(packed: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = packed.extractfile(member)
    assert content is not None, "only files are opened"
    return content


def _parts(name: str) -> Parts:
    path = posixpath.normpath(name)
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if name.startswith("/") or parts[:1] == ("..",) or any(map(_drive.fullmatch, parts[:1])):
        raise UnclearFolder(f"{name} leads out of the archive")
    return parts
