from __future__ import annotations

import errno
import os

import pytest

from airflow_provider_dfm.remote import line_file
from airflow_provider_dfm.remote.line_file import LineFile


class FullDisk:
    """Stands in for a disk that takes so many bytes more, and then no others; a part of what comes last."""

    def __init__(self, monkeypatch, room):
        self.room = room
        self._write = os.write
        monkeypatch.setattr(line_file.os, "write", self.write)

    def write(self, descriptor, data):
        taken = data[: self.room]
        if not taken:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.room -= len(taken)
        return self._write(descriptor, taken)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "lines"


@pytest.mark.parametrize("room", [0, 3, 6, 9])
def test_an_append_that_fails_leaves_nothing_for_the_next_one_to_continue(path, monkeypatch, room):
    file = LineFile(str(path))
    file.append(["first"])
    disk = FullDisk(monkeypatch, room)
    with pytest.raises(OSError, match="No space left"):
        file.append(["second", "third"])
    assert path.read_text() == "first\n"
    assert file.size == len("first\n")
    disk.room = 100
    file.append(["fourth"], to_disk=True)
    assert path.read_text() == "first\nfourth\n"
    assert file.size == len("first\nfourth\n")


def test_what_cannot_be_taken_off_is_not_continued(path, monkeypatch):
    file = LineFile(str(path))
    disk = FullDisk(monkeypatch, 3)
    monkeypatch.setattr(line_file.os, "ftruncate", lambda descriptor, size: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="No space left"):
        file.append(["first"])
    disk.room = 100
    with pytest.raises(OSError, match="half-written line"):
        file.append(["second"])
    assert path.read_text() == "fir"


@pytest.mark.parametrize("bad", ["two\nlines", "half \ud800"])
def test_what_is_no_line_is_not_appended_and_nor_is_what_came_with_it(path, bad):
    file = LineFile(str(path))
    file.append(["first"])
    with pytest.raises(ValueError):
        file.append(["second", bad])
    assert path.read_text() == "first\n"


def test_a_file_that_is_there_is_continued(path):
    path.write_text("first\n")
    file = LineFile(str(path))
    file.append(["second"])
    assert path.read_text() == "first\nsecond\n"
    assert file.size == path.stat().st_size
