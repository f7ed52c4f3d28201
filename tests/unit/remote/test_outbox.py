from __future__ import annotations

import threading

import pytest

from airflow_provider_dfm.remote import json_text
from airflow_provider_dfm.remote.outbox import BYTES_WAITING, Outbox

SECONDS = 10


class Token:
    """Stands in for DFM's TokenPackage."""

    target_place = "answer"
    tagged_data = ("json", None)

    def __init__(self, value):
        self._value = value

    def model_dump(self, mode):
        return self._value


class Server:
    """Takes messages once it is let; keeps what came."""

    def __init__(self):
        self.lets = threading.Semaphore(0)
        self.messages = []
        self.failures = []

    def take(self, number, lines):
        assert self.lets.acquire(timeout=SECONDS)
        if lines == ['"refused"']:
            raise RuntimeError("no room")
        self.messages.append((number, lines))

    @property
    def lines(self):
        return [line for _, lines in self.messages for line in lines]


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def outbox(server):
    return Outbox(server.take, server.failures.append)


def test_what_came_while_a_message_was_on_its_way_goes_with_the_next_in_order(outbox, server):
    for number in range(100):
        outbox.put(Token(number))
    for _ in range(100):
        server.lets.release()
    assert outbox.flush() == server.messages[-1][0]
    assert server.lines == [str(number) for number in range(100)]
    numbers = [number for number, _ in server.messages]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) < 100


def test_a_flush_waits_for_what_came_before_it_and_for_no_more(outbox, server):
    outbox.put(Token("before"))
    flushed = threading.Event()
    flushing = threading.Thread(target=lambda: (outbox.flush(), flushed.set()))
    flushing.start()
    assert not flushed.wait(0.2)
    outbox.put(Token("after"))
    server.lets.release()
    assert flushed.wait(SECONDS)
    assert server.lines == ['"before"']
    server.lets.release()
    outbox.flush()


def test_an_operation_waits_while_much_waits_in_the_sites_memory(outbox, server):
    outbox.put(Token("x" * BYTES_WAITING))
    put = threading.Event()
    threading.Thread(target=lambda: (outbox.put(Token("more")), put.set())).start()
    assert not put.wait(0.2)
    server.lets.release()
    assert put.wait(SECONDS)
    server.lets.release()
    outbox.flush()


def test_what_cannot_be_sent_fails_the_pipeline_and_all_that_come_after(outbox, server):
    outbox.put(Token("refused"))
    server.lets.release()
    with pytest.raises(RuntimeError, match="no room"):
        outbox.flush()
    with pytest.raises(RuntimeError, match="no room"):
        outbox.put(Token("later"))
    assert [str(error) for error in server.failures] == ["no room"]


def test_what_is_larger_than_the_server_takes_is_refused_at_the_site(outbox, server, monkeypatch):
    monkeypatch.setattr(json_text, "CHARACTERS_A_LINE", 10)
    with pytest.raises(ValueError, match="'answer' is too large: as JSON it has 11 characters, and 10 are the most"):
        outbox.put(Token("x" * 9))
    outbox.put(Token("small"))
    server.lets.release()
    outbox.flush()
    assert server.lines == ['"small"']
