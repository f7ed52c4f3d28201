"""What a site of somebody else's may give, told line by line."""

from __future__ import annotations

import json

import pytest

from airflow_provider_dfm.federation.token_index import TokenIndex
from airflow_provider_dfm.remote import incoming_tokens, json_text
from airflow_provider_dfm.remote.incoming_tokens import LINES_A_MESSAGE, IncomingTokens, SitePart
from airflow_provider_dfm.remote.json_text import DEPTH
from airflow_provider_dfm.remote.message_seal import BadMessage
from airflow_provider_dfm.remote.token_lines import PLAIN
from tests.unit.federation.tokens import end, error, token

PART = SitePart("key", {"answer": 1, "pair": 2, "_dfm_status_": 1, "error": 0}, frozenset({("denver", "in")}))


FILE, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def tokens():
    return IncomingTokens("seattle", PART, "job", frozenset({0, 1, 7}), lambda *file: file == (FILE, 7))


def nested(depth):
    return "[" * depth + "]" * depth


def line(made, **changes):
    return json.dumps(made | changes)


HONEST = {
    "a value": token(),
    "of the last set": token(frame=[7]),
    "an item": token(frame=[0, 12]),
    "not a number": token(value=float("nan")),
    "a plain value": token(tag=PLAIN, value={"@bytes": "YQ=="}) | {"files": {}},
    "a plain value with a file": token(tag=PLAIN, value={"@bytes": {"file": FILE}}) | {"files": {FILE: 7}},
    "the end of a set": end(),
    "the end of the pipeline": end("stop"),
    "an error": error("no data", place="error"),
    "nested as deep as DFM lets": token(value=json.loads(nested(254))),
    "half a surrogate pair": token(value="\ud800"),
    "brackets in text": token(value="[" * 1000 + '"{\\'),
    "much text with brackets": token(value=['[\\"\\\\', "]"] * 1000),
    "telemetry": token(place="__telemetry__"),
}


@pytest.mark.parametrize("honest", HONEST.values(), ids=HONEST)
def test_what_a_pipeline_has_a_site_give_is_taken_and_can_be_read(tokens, tmp_path, honest):
    tokens.check_results([line(honest)])
    path = tmp_path / "tokens.jsonl"
    path.write_text(line(honest) + "\n")
    list(TokenIndex(path).results())


STATUS = end()["tagged_data"]
FORGED = {
    "another site's": (line(token(site="denver")), "in the name of 'denver'"),
    "another job's": (line(token(), source_job="other"), "of another job"),
    "for another job": (line(token(), target_job="other"), "of another job"),
    "a place that is another site's": (line(token("theirs")), "yield nothing at the place 'theirs'"),
    "a value at a place for errors": (line(token("error")), "more than the 0 that belong"),
    "no yield": (line(token(), is_yield=False), "among its results"),
    "a yield that is none": (line(token(), is_yield=1), "among its results"),
    "a set that is not there": (line(token(frame=[2])), "parameter set 2, which the job does not have"),
    "a set far away": (line(token(frame=[10**9])), "does not have"),
    "a negative set": (line(token(frame=[-1])), r"frame is '\[-1\]'"),
    "a negative item": (line(token(frame=[0, -1])), "frame is"),
    "too large an item": (line(token(frame=[0, 2**63])), "frame is"),
    "a frame that is not a number": (line(token(frame=[float("nan")])), r"frame is '\[nan\]'"),
    "a frame of truth": (line(token(frame=[True])), r"frame is '\[True\]'"),
    "a frame of text": (line(token(frame="start")), "without a frame"),
    "an empty frame": (line(token(frame=[])), "without a frame"),
    "a deep frame": (line(token(frame=[0] * 33)), "without a frame"),
    "no frame": (line(token(), frame=None), "without a frame"),
    "no data": (line(token(), tagged_data=None), "without data"),
    "three data": (line(token(), tagged_data=["json", 1, 2]), "without data"),
    "unknown data": (line(token(tag="code")), "unknown kind 'code'"),
    "a list for a tag": (line(token(), tagged_data=[[], 1]), "unknown kind"),
    "a model without data": (line(token(tag="BaseModel", value={"class": "a.B"})), "without a class or data"),
    "a model that is none": (line(token(tag="BaseModel", value=1)), "without a class or data"),
    "a pickle": (line(token(tag="PickledObject", value={"value": "gASVBQAAAAAAAABLAS4="})), "a pickle to the place"),
    "a pickle of the telemetry": (line(token("__telemetry__", tag="PickledObject", value=1)), "a pickle to the place"),
    "a pickle that says nothing": (line(token(tag="PickledObject", value=[])), "a pickle to the place 'answer'"),
    "a plain value of unknown files": (line(token(tag=PLAIN)), "without saying which files belong to it"),
    "a plain value of no files": (line(token(tag=PLAIN), files=[FILE]), "without saying which files belong to it"),
    "a file that it has not sent": (line(token(tag=PLAIN), files={OTHER: 7}), f"'{OTHER}', which it has not sent"),
    "a file of another size": (line(token(tag=PLAIN), files={FILE: 8}), "which it has not sent"),
    "a file that is a path": (line(token(tag=PLAIN), files={"../tokens.jsonl": 7}), "which it has not sent"),
    "a file of a size without end": (line(token(tag=PLAIN), files={FILE: float("inf")}), "which it has not sent"),
    "files of a value that has none": (line(token(), files={FILE: 7}), "files without a value"),
    "a later form": (line(token(tag="airflow_provider_dfm.plain.2")), "unknown kind"),
    "an error that is none": (
        line(end(), tagged_data=[STATUS[0], {"class": "x", "data": {"token": "@dfm-error-token"}}]),
        "says nothing",
    ),
    "an error of half a pair": (line(error("\ud800")), "says nothing"),
    "a node of half a pair": (line(token(), source_node="\ud800"), "source_node"),
    "a node that is a list": (line(token(), source_node=[1]), "source_node"),
    "no node": (json.dumps({name: part for name, part in token().items() if name != "source_node"}), "source_node"),
    "a site that is a number": (line(token(), source_site=1), "source_site is no text"),
    "telemetry of a set": (line(token("__telemetry__", [1])), "telemetry with a frame of its own"),
    "telemetry without data": (line(token("__telemetry__"), tagged_data=[]), "without data"),
    "no place": (line(token(), target_place=None), "target_place is no text"),
    "not JSON": ("{", "not JSON"),
    "nothing": ("", "not JSON"),
    "a number": ("1", "no token"),
    "a number of a million digits": ("1" * 1_000_000, "not JSON"),
    "nested without an end": ("[" * 1_000_000, "nested more than"),
    "nested too deep": (line(token()).replace("1]", nested(DEPTH) + "]"), "nested more than"),
    "a line's end of Unicode": (json.dumps(token(value="a\u2028b"), ensure_ascii=False), "printable ASCII"),
    "a line's end": (line(token()) + "\n", "printable ASCII"),
    "a return": (line(token()) + "\r", "printable ASCII"),
    "half a pair itself": (json.dumps(token(value="\ud800"), ensure_ascii=False), "printable ASCII"),
}


@pytest.mark.parametrize(("forged", "why"), FORGED.values(), ids=FORGED)
def test_what_a_site_may_not_give_is_refused_by_what_it_is(tokens, forged, why):
    with pytest.raises(BadMessage, match=why) as refused:
        tokens.check_results([line(token("pair")), forged])
    assert len(str(refused.value)) < 400
    str(refused.value).encode()


def test_a_value_that_belongs_there_once_is_not_taken_twice(tokens):
    tokens.check_results([line(token()), line(token(frame=[1])), line(token(frame=[0, 1])), line(token("pair"))])
    tokens.check_results([line(token("pair"))])
    with pytest.raises(BadMessage, match=r"more than the 2 that belong at the place 'pair' for \[0\]"):
        tokens.check_results([line(token("pair"))])
    with pytest.raises(BadMessage, match=r"more than the 1 that belong at the place 'answer' for \[0, 1\]"):
        tokens.check_results([line(token(frame=[0, 1]))])
    # The pipeline's end is now and then reported twice by DFM itself.
    for _ in range(2):
        tokens.check_results([line(end("stop"))])


def test_a_flood_ends(tokens, monkeypatch):
    tokens.check_results([line(end())] * LINES_A_MESSAGE)
    with pytest.raises(BadMessage, match="with one message"):
        tokens.check_results([line(end())] * (LINES_A_MESSAGE + 1))
    monkeypatch.setattr(incoming_tokens, "TOKENS", LINES_A_MESSAGE)
    monkeypatch.setattr(incoming_tokens, "TOKENS_A_SET", 2)
    tokens.check_results([line(end())] * 6)
    with pytest.raises(BadMessage, match="more than 206 tokens"):
        tokens.check_results([line(end())])


def test_a_flood_of_errors_ends(tokens):
    for _ in range(100):
        tokens.check_results([line(error("no data", place="error"))])
    with pytest.raises(BadMessage, match="more than the 100 that belong"):
        tokens.check_results([line(error("no data", place="error"))])


def test_what_is_too_large_is_not_even_parsed(tokens, monkeypatch):
    monkeypatch.setattr(json_text, "CHARACTERS_A_LINE", 1000)
    monkeypatch.setattr(incoming_tokens, "CHARACTERS_AN_ERROR", 100)
    with pytest.raises(BadMessage, match="a token of 1001 characters"):
        tokens.check_results(["x" * 1001])
    monkeypatch.setattr(json_text, "ELEMENTS_A_LINE", 100)
    tokens.check_results([line(token(value=',[{"' * 100))])
    with pytest.raises(BadMessage, match="elements, and 100 are the most"):
        tokens.check_results([line(token(value=[[]] * 100))])
    with pytest.raises(BadMessage, match="an error of more than 100 characters"):
        tokens.check_results([line(error("x" * 101))])


def test_a_site_sends_to_the_places_of_other_sites_that_the_pipeline_names(tokens):
    sent = token("in", site="seattle") | {"target_site": "denver", "is_yield": False}
    assert tokens.check_token(json.dumps(sent)) == sent
    for changes, why in (
        ({"target_place": "other"}, "send nothing to 'denver' at the place 'other'"),
        ({"target_site": "server"}, "send nothing to 'server'"),
        ({"is_yield": True}, "send nothing to"),
        ({"source_site": "denver"}, "in the name of"),
        ({"target_job": "other"}, "of another job"),
        ({"frame": {"frame": [3]}}, "which the job does not have"),
    ):
        with pytest.raises(BadMessage, match=why):
            tokens.check_token(line(sent, **changes))
