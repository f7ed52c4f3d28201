from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from airflow_provider_dfm.remote.sent_sets import SentSets
from tests.unit.remote.test_line_file import FullDisk


class Pipeline:
    """Takes what is sent."""

    def __init__(self, folder, parameter_sets=0):
        self.frames = []
        self.stops = 0
        self.failing = False
        self.sent = SentSets(parameter_sets, self._deliver)
        self.sent.open(str(folder))

    def _deliver(self, frames, stop):
        if self.failing:
            raise RuntimeError("not delivered")
        self.frames += frames
        self.stops += stop

    def send(self, key, *values, stop=False, content=None):
        sets = [{"value": value} for value in values]
        return self.sent.send({"key": key, "content": content or str(values), "sets": sets, "stop": stop})


@pytest.fixture
def pipeline(tmp_path):
    return Pipeline(tmp_path, parameter_sets=2)


def test_the_same_key_is_answered_again_and_delivered_once(pipeline):
    first = pipeline.send("a", 1, 2)
    assert (first["first"], first["count"]) == (2, 2)
    assert pipeline.send("a", 1, 2) == first
    assert pipeline.frames == [(2, {"value": 1}), (3, {"value": 2})]
    assert pipeline.send("a", 3)["error"] == "JobContentConflict"
    assert len(pipeline.frames) == 2


def test_after_the_stop_only_what_was_sent_before_is_answered(pipeline):
    pipeline.send("a", 1)
    pipeline.send("end", 2, stop=True)
    assert pipeline.send("b", 3)["error"] == "JobNotRunning"
    assert pipeline.send("a", 1)["first"] == 2
    assert pipeline.send("end", 2, stop=True)["first"] == 3
    assert pipeline.send("end again", stop=True)["count"] == 0
    assert (len(pipeline.frames), pipeline.stops) == (2, 1)


def test_those_who_send_at_once_get_indices_of_their_own(pipeline):
    with ThreadPoolExecutor(8) as senders:
        answers = list(senders.map(lambda number: pipeline.send(str(number), number, number), range(100)))
    assert sorted(answer["first"] for answer in answers) == list(range(2, 202, 2))
    assert [index for index, _ in pipeline.frames] == list(range(2, 202))
    for number, answer in enumerate(answers):
        assert {"value": number} == pipeline.frames[answer["first"] - 2][1]


def test_what_cannot_be_noted_is_not_delivered(pipeline, tmp_path):
    (tmp_path / "sends.jsonl").mkdir()
    with pytest.raises(OSError):
        pipeline.send("a", 1)
    assert pipeline.frames == []
    (tmp_path / "sends.jsonl").rmdir()
    assert pipeline.send("a", 1)["first"] == 2


def test_what_was_not_delivered_is_not_answered_as_sent_but_delivered_at_the_retry(pipeline):
    pipeline.failing = True
    for _ in range(2):
        with pytest.raises(RuntimeError, match="not delivered"):
            pipeline.send("a", 1)
    assert pipeline.send("a", 2, content="other")["error"] == "JobContentConflict"
    pipeline.failing = False
    assert pipeline.send("a", 1)["first"] == 2
    assert pipeline.send("a", 1)["first"] == 2
    assert pipeline.frames == [(2, {"value": 1})]


def test_what_was_not_delivered_comes_before_all_that_is_sent_after_it(pipeline):
    pipeline.failing = True
    with pytest.raises(RuntimeError):
        pipeline.send("a", 1)
    with pytest.raises(RuntimeError):
        pipeline.send("b", 2)
    pipeline.failing = False
    assert pipeline.send("c", 3)["first"] == 3
    assert pipeline.send("b", 2)["first"] == 4
    assert pipeline.frames == [(2, {"value": 1}), (3, {"value": 3}), (4, {"value": 2})]


@pytest.mark.parametrize("key", ["end", "another"])
def test_a_stop_that_was_not_delivered_is_not_lost(pipeline, key):
    pipeline.failing = True
    with pytest.raises(RuntimeError):
        pipeline.send("end", stop=True)
    with pytest.raises(RuntimeError):
        pipeline.send(key, stop=True)
    pipeline.failing = False
    assert pipeline.send(key, stop=True)["count"] == 0
    assert pipeline.stops == 1


def test_a_full_disk_leaves_no_half_note(pipeline, tmp_path, monkeypatch):
    first = pipeline.send("a", 1)
    disk = FullDisk(monkeypatch, 10)
    with pytest.raises(OSError, match="No space left"):
        pipeline.send("b", 2)
    disk.room = 1000
    second = pipeline.send("b", 2)
    assert [json.loads(line) for line in (tmp_path / "sends.jsonl").open()] == [first, second]
    assert pipeline.frames == [(2, {"value": 1}), (3, {"value": 2})]


def test_it_tells_the_numbers_of_the_sets(pipeline):
    assert (len(pipeline.sent), 1 in pipeline.sent, 2 in pipeline.sent) == (2, True, False)
    pipeline.send("a", 1)
    assert (len(pipeline.sent), 2 in pipeline.sent, -1 in pipeline.sent) == (3, True, False)
