"""How a site's large values come to the server, and what is refused of a site that does not play by the rules."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import namedtuple

import pytest

from airflow_provider_dfm.remote import value_store
from airflow_provider_dfm.remote.incoming_values import IncomingValues
from airflow_provider_dfm.remote.message_seal import BadMessage
from airflow_provider_dfm.remote.value_sender import ValueSender
from airflow_provider_dfm.remote.value_store import LARGE_BYTES, PIECE_BYTES, ValueStore

SIZES = (LARGE_BYTES, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 7)


class Server:
    """Takes one site's values."""

    def __init__(self, folder, room=0):
        self.folder = folder / "values"
        self.store = ValueStore(str(self.folder), room)
        self.failures = []
        self.values = IncomingValues("seattle", self.store, lambda *failure: self.failures.append(failure))
        self.most = 0

    def take(self, parts):
        self.most = max(self.most, len(parts[-1]))
        self.values.take(parts)

    @property
    def names(self):
        return sorted(path.name for path in self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


def named(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", SIZES)
def test_a_value_comes_piece_by_piece_and_gets_its_checksum_as_its_name(server, size):
    content = os.urandom(size)
    kept = ValueSender(server.take).keep(memoryview(content))
    assert kept == {"file": named(content), "bytes": size, "sha256": named(content)}
    assert server.names == [named(content)]
    assert (server.folder / named(content)).read_bytes() == content
    assert server.most <= PIECE_BYTES
    assert server.values.claim(named(content), size)
    assert not server.values.claim(named(content), size + 1)


def test_values_of_operations_that_run_at_once_come_one_after_the_other(server):
    sender = ValueSender(server.take)
    contents = [bytes([number]) * (PIECE_BYTES + number) for number in range(4)]
    threads = [threading.Thread(target=sender.keep, args=(memoryview(content),)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.names == sorted(map(named, contents))


def test_a_piece_that_comes_again_is_taken_once(server):
    sender = ValueSender(lambda parts: [server.take(parts) for _ in range(2)])
    content = os.urandom(2 * PIECE_BYTES)
    sender.keep(memoryview(content))
    assert server.names == [named(content)]


def test_after_a_value_that_did_not_arrive_no_other_is_sent(server):
    """The server would take the rest of it for the next value, and say that the site does not play by the rules."""
    asked = []

    def send(parts):
        asked.append(parts[0])
        if len(asked) == 2:
            raise RuntimeError("server answered COMMUNICATION_ERROR")
        server.take(parts)

    sender = ValueSender(send)
    for size in (3 * PIECE_BYTES, LARGE_BYTES):
        with pytest.raises(RuntimeError, match="COMMUNICATION_ERROR"):
            sender.keep(memoryview(bytes(size)))
    assert asked == ["1", "2"]
    assert server.failures == []


def test_a_value_that_its_site_changes_meanwhile_is_whole_all_the_same(server, monkeypatch):
    content = bytearray(os.urandom(PIECE_BYTES))
    real = hashlib.sha256

    class Changing:
        """As if another thread of the site wrote to an array of which a piece was just read."""

        def __init__(self):
            self._digest = real()

        def update(self, piece):
            self._digest.update(piece)
            content[:] = os.urandom(len(content))

        def hexdigest(self):
            return self._digest.hexdigest()

    monkeypatch.setattr(value_store.hashlib, "sha256", Changing)
    kept = server.store.keep(memoryview(content))
    assert real((server.folder / kept["file"]).read_bytes()).hexdigest() == kept["sha256"]


def test_equal_values_are_one_file(server):
    sender = ValueSender(server.take)
    for _ in range(2):
        sender.keep(memoryview(bytes(LARGE_BYTES)))
    assert server.names == [named(bytes(LARGE_BYTES))]


WHOLE = bytes(PIECE_BYTES)
FORGED = {
    "a number far ahead": (["7", "", WHOLE], "piece 7 of its values after its piece 0"),
    "no number": (["one", "", WHOLE], "without a number"),
    "no checksum": (["1", WHOLE], "a piece of a value that is none"),
    "a small piece before the last": (["1", "", b"x"], "a piece of 1 bytes"),
    "an empty piece before the last": (["1", "", b""], "a piece of 0 bytes"),
    "too large a piece": (["1", "", WHOLE + b"x"], f"a piece of {PIECE_BYTES + 1} bytes"),
    "a small value": (["1", named(b"x"), b"x"], "a value of 1 bytes as a file"),
    "another checksum": (["1", named(b"x"), WHOLE], "another checksum than its own"),
    "a path for a checksum": (["1", "../tokens.jsonl", WHOLE], "another checksum than its own"),
}


@pytest.mark.parametrize(("parts", "why"), FORGED.values(), ids=FORGED)
def test_what_is_no_value_is_refused_and_leaves_no_file(server, parts, why):
    with pytest.raises(BadMessage, match=why):
        server.take(parts)
    server.store.close()
    assert server.names == []


def test_a_site_does_not_claim_what_another_one_sent(server, tmp_path):
    content = os.urandom(LARGE_BYTES)
    ValueSender(server.take).keep(memoryview(content))
    other = IncomingValues("denver", server.store, lambda *failure: None)
    assert not other.claim(named(content), LARGE_BYTES)
    assert not other.claim(named(content), True)


def test_what_no_result_names_is_not_kept_when_the_job_has_ended(server):
    sender = ValueSender(server.take)
    claimed, other = (sender.keep(memoryview(bytes([number]) * LARGE_BYTES)) for number in range(2))
    server.take(["3", "", WHOLE])
    server.values.claim(claimed["file"], LARGE_BYTES)
    assert other["file"] in server.names
    server.store.close()
    assert server.names == [claimed["file"]]
    with pytest.raises(RuntimeError, match="takes no values any more"):
        server.store.begin()


def test_a_site_does_not_fill_the_servers_disk(tmp_path, monkeypatch):
    usage = namedtuple("Usage", "total used free")
    monkeypatch.setattr(value_store.shutil, "disk_usage", lambda folder: usage(100, 0, 3 * PIECE_BYTES))
    server = Server(tmp_path, room=2 * PIECE_BYTES)
    server.take(["1", "", WHOLE])
    monkeypatch.setattr(value_store.shutil, "disk_usage", lambda folder: usage(100, 0, 3 * PIECE_BYTES - 1))
    with pytest.raises(OSError, match="No space left"):
        server.take(["2", "", WHOLE])
    ((named, reason),) = server.failures
    assert named == "server"
    assert "a value of seattle could not be written: [Errno 28] No space left" in reason


def test_a_reader_gets_a_running_jobs_values_and_no_other_files(server, tmp_path):
    content = os.urandom(PIECE_BYTES)
    name = ValueSender(server.take).keep(memoryview(content))["file"]
    read = b""
    while piece := server.store.read(name, len(read)):
        read += piece
    assert read == content
    (tmp_path / "secret").write_text("x")
    for other in ("../secret", str(tmp_path / "secret"), "", 7, None):
        with pytest.raises(ValueError, match="no name of a value"):
            server.store.read(other, 0)
    with pytest.raises(FileNotFoundError):
        server.store.read(named(b"x"), 0)
