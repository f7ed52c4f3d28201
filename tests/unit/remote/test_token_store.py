from __future__ import annotations

import pytest

from airflow_provider_dfm.remote import token_store
from airflow_provider_dfm.remote.token_store import TokenStore
from tests.unit.remote.test_line_file import FullDisk


@pytest.fixture
def store(tmp_path):
    opened = TokenStore()
    opened.open(str(tmp_path))
    return opened


def _read_all(store):
    text, position = "", 0
    while (read := store.read(position))["text"]:
        text, position = text + read["text"], read["position"]
    return text


def test_what_came_before_the_folder_was_known_comes_first(tmp_path):
    store = TokenStore()
    store.receive_lines(["1"])
    assert store.read(0) == {"text": "", "position": 0}
    store.open(str(tmp_path))
    store.receive_lines(["2"])
    assert _read_all(store) == "1\n2\n"


def test_a_full_disk_leaves_neither_a_half_line_nor_the_half_of_a_message(store, tmp_path, monkeypatch):
    store.receive_lines(["1"])
    disk = FullDisk(monkeypatch, 8)
    with pytest.raises(OSError, match="No space left"):
        store.receive_lines(["second", "third"])
    disk.room = 100
    store.receive_lines(["4"])
    assert (tmp_path / "tokens.jsonl").read_text() == _read_all(store) == "1\n4\n"


def test_nobody_reads_what_may_still_be_taken_off(store, tmp_path):
    store.receive_lines(["1"])
    with (tmp_path / "tokens.jsonl").open("a") as being_written:
        being_written.write("second\nthi")
    assert _read_all(store) == "1\n"


def test_a_long_file_is_read_by_whole_lines(store, monkeypatch):
    monkeypatch.setattr(token_store, "MAX_BYTES_A_READ", 10)
    lines = [str(number) * 4 for number in range(100)]
    store.receive_lines(lines)
    assert _read_all(store) == "".join(f"{line}\n" for line in lines)


def test_nothing_comes_after_the_end(store):
    store.receive_lines(["1"])
    store.close()
    with pytest.raises(RuntimeError, match="the job has ended"):
        store.receive_lines(["2"])
    assert _read_all(store) == "1\n"
