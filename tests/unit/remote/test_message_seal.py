from __future__ import annotations

import pytest

from airflow_provider_dfm.remote.message_seal import PARTS, SEAL, BadMessage, MessageSeal


@pytest.fixture
def seal():
    return MessageSeal("key", "job")


def test_a_message_says_what_was_sealed(seal):
    assert seal.open(seal.put({}, "topic", ["1", "two\nlines", ""]), "topic") == ["1", "two\nlines", ""]
    assert seal.open(seal.put({}, "topic", []), "topic") == []


@pytest.mark.parametrize(
    ("key", "job_id", "topic", "parts"),
    [
        ("other", "job", "topic", ["1", "2"]),
        ("key", "other", "topic", ["1", "2"]),
        ("key", "job", "other", ["1", "2"]),
        ("key", "job", "topic", ["1", "3"]),
        ("key", "job", "topic", ["12", ""]),
        ("key", "job", "topic", ["1", "2", ""]),
        ("key", "job", "topic", ["2", "1"]),
    ],
    ids=["key", "job", "topic", "text", "joined", "more", "order"],
)
def test_the_seal_of_something_else_does_not_fit(seal, key, job_id, topic, parts):
    foreign = MessageSeal(key, job_id).put({}, topic, parts)
    with pytest.raises(BadMessage, match="not sealed with the key"):
        seal.open(foreign | {PARTS: ["1", "2"]}, "topic")


@pytest.mark.parametrize(
    "change",
    [{PARTS: None}, {PARTS: "1"}, {PARTS: [1]}, {PARTS: ["\ud800"]}, {SEAL: None}, {SEAL: ""}, {SEAL: "é"}, {SEAL: 7}],
    ids=repr,
)
def test_what_is_no_message_is_refused(seal, change):
    with pytest.raises(BadMessage):
        seal.open(seal.put({}, "topic", ["1"]) | change, "topic")


def test_a_message_has_bytes_at_its_end_where_both_expect_them(seal):
    message = seal.put({}, "topic", ["1", b"\x00\xff"])
    assert seal.open(message, "topic", with_bytes=True) == ["1", b"\x00\xff"]
    with pytest.raises(BadMessage, match="not a list of texts"):
        seal.open(message, "topic")
    for parts in (["1"], [], [b"1", "2"], ["1", b"2", "3"]):
        with pytest.raises(BadMessage):
            seal.open(seal.put({}, "topic", parts), "topic", with_bytes=True)
    with pytest.raises(BadMessage, match="not sealed with the key"):
        seal.open(message | {PARTS: ["1", b"\x00\xfe"]}, "topic", with_bytes=True)


def test_bytes_are_no_text_to_the_seal(seal):
    message = seal.put({}, "topic", ["1", "2"])
    with pytest.raises(BadMessage, match="not sealed with the key"):
        seal.open(message | {PARTS: ["1", b"2"]}, "topic", with_bytes=True)
