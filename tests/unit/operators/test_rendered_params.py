"""What text that a template gave becomes, by the schema of the pipeline's parameter sets."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.operators.rendered_params import holds_text, read_rendered

NULL = {"type": "null"}
TEXT, WHOLE, NUMBER, TRUTH = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
DAY = {"type": "string", "format": "date"}
WHOLES = {"type": "array", "items": WHOLE}


def read(schema, text, written="{{ params.place }}"):
    sets = read_rendered({"place": written}, {"place": text}, {"properties": {"place": schema}})
    return sets["place"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        (WHOLE, "4", 4),
        (WHOLE, "-4", -4),
        (NUMBER, "4", 4),
        (NUMBER, "0.5", 0.5),
        (NUMBER, "1e-05", 1e-05),
        ({"anyOf": [WHOLE, NUMBER]}, "4.0", 4.0),
        (TRUTH, "True", True),
        (TRUTH, "true", True),
        (TRUTH, "False", False),
        ({"anyOf": [WHOLE, NULL]}, "None", None),
        ({"anyOf": [WHOLE, NULL]}, "null", None),
        ({"anyOf": [DAY, NULL]}, "None", None),
        ({"anyOf": [DAY, NULL]}, "2010-01-01", "2010-01-01"),
        ({"anyOf": [{"type": "string", "format": "duration"}, NULL]}, "None", None),
        ({"anyOf": [{"type": "string", "format": "uuid"}, WHOLE]}, "4", 4),
        (NUMBER, "1" + "0" * 400, 10**400),
        (WHOLES, "[1, 2]", [1, 2]),
        (WHOLES, "['1', 2]", [1, 2]),
        ({"type": "array", "items": WHOLES}, "[['1'], [2]]", [[1], [2]]),
        ({"type": "array", "items": {"anyOf": [WHOLE, TEXT]}}, "['1', 2]", ["1", 2]),
        ({"type": "array"}, "['a', None, True]", ["a", None, True]),
        ({"type": "array"}, '["a", null, true]', ["a", None, True]),
        ({"type": "object"}, "{'a': {'b': 1}}", {"a": {"b": 1}}),
        ({"type": "object"}, '{"a": {"b": 1}}', {"a": {"b": 1}}),
        ({"enum": [1, 2]}, "2", 2),
        ({"enum": [1, "2"]}, "2", "2"),
        ({"anyOf": [WHOLE, {"const": "all"}]}, "all", "all"),
        ({"allOf": [{}, WHOLE, NUMBER]}, "4", 4),
    ],
)
def test_text_becomes_what_it_is_the_plain_form_of(schema, text, value):
    found = read(schema, text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", ["4", "4.5", "True", "None", "[1]", "{}", "", "9" * 5000])
def test_a_place_that_takes_text_keeps_it(text):
    assert read(TEXT, text) == text
    # What nobody knows the type of, too.
    assert read({}, text) == text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (WHOLE, "4.0"),
        (WHOLE, " 4"),
        (WHOLE, "04"),
        (WHOLE, "1_000"),
        (WHOLE, "+4"),
        (WHOLE, "four"),
        (WHOLE, "True"),
        (NUMBER, "nan"),
        (NUMBER, "1e999"),
        (TRUTH, "1"),
        (TRUTH, "yes"),
        (WHOLE, "None"),
        (WHOLES, "[1, NaN]"),
        (WHOLES, "[1"),
        (WHOLES, "[1, f()]"),
        (WHOLES, "[" * 100_000),
        (WHOLE, "9" * 5000),
        (WHOLES, "[1e999]"),
        (WHOLES, "[b'a', {1}, ...]"),
        (WHOLES, "{'a': 1j}"),
        ({"type": "object"}, "{1, 2}"),
    ],
)
def test_what_is_no_plain_form_stays_text_which_the_federation_refuses(schema, text):
    assert read(schema, text) == text


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"anyOf": [TEXT, NULL]}, "None"),
        ({"type": ["string", "null"]}, "None"),
        ({"anyOf": [WHOLE, TEXT]}, "4"),
        ({"anyOf": [{"type": "array"}, TEXT]}, "[1]"),
        ({"enum": ["4", 4]}, "4"),
    ],
)
def test_what_could_be_both_is_refused_where_a_template_gave_it(schema, text):
    with pytest.raises(ParameterSetError, match=r"The parameter set, place 'place'.*dag\.param\('place'\)"):
        read(schema, text)
    # What the author wrote, or a task gave, is the text that it is.
    assert read(schema, text, written=text) == read(schema, text, written=None) == text


def test_values_inside_of_lists_and_dicts_are_read_as_well():
    shape = {"type": "object", "properties": {"a": WHOLE}, "additionalProperties": NUMBER}
    assert read(WHOLES, ["1", "2", 3], ["{{ a }}", "{{ b }}", 3]) == [1, 2, 3]
    assert read({"type": "object", "additionalProperties": WHOLE}, {1: "1"}, {1: "{{ a }}"}) == {1: 1}
    assert read({"anyOf": [shape, NULL]}, {"a": "1", "b": "0.5", "c": None}, {}) == {"a": 1, "b": 0.5, "c": None}
    with pytest.raises(ParameterSetError, match="nobody knows"):
        read({"type": "array", "items": {"anyOf": [TEXT, NULL]}}, ["None"], ["{{ a }}"])


TEXTS = {"type": "array", "items": TEXT}


@pytest.mark.parametrize(
    ("schema", "items", "read_items"),
    [
        # What any of several kinds of lists takes as text is text.
        ({"anyOf": [WHOLES, TEXTS]}, ["1", "a"], ["1", "a"]),
        ({"anyOf": [WHOLES, {"type": "array", "items": {"anyOf": [DAY, NULL]}}]}, ["1", "None"], [1, None]),
        ({"anyOf": [NULL, {"anyOf": [WHOLES, TRUTH]}]}, ["1"], [1]),
        ({"allOf": [WHOLES, {"type": "array", "items": NUMBER}]}, ["1", "2"], [1, 2]),
        ({"type": "array", "prefixItems": [WHOLE, TEXT]}, ["1", "2"], [1, "2"]),
        ({"type": "array"}, ["1"], ["1"]),
    ],
)
def test_lists_of_several_kinds_take_text_where_one_of_them_does(schema, items, read_items):
    assert read(schema, items, None) == read_items


def test_dicts_of_several_kinds_take_text_where_one_of_them_does():
    one, other = (
        {"type": "object", "properties": {name: WHOLE, "c": kind}} for name, kind in (("a", TEXT), ("b", WHOLE))
    )
    either = {"anyOf": [one, other]}
    assert read(either, {"a": "1", "c": "3"}, None) == {"a": 1, "c": "3"}
    assert read(either, {"b": "1"}, None) == {"b": 1}
    assert read({"anyOf": [one, {"type": "object", "additionalProperties": TEXT}]}, {"a": "1"}, None) == {"a": "1"}


PLACES = {"properties": {"size": WHOLE, "name": {"anyOf": [TEXT, NULL]}}}


@pytest.mark.parametrize(
    ("text", "sets"),
    [
        ("{'size': 4, 'name': 'a'}", {"size": 4, "name": "a"}),
        # What is text in there was text before, and None was None.
        ("{'size': '4', 'name': 'None'}", {"size": 4, "name": "None"}),
        ("{'size': 4, 'name': None}", {"size": 4, "name": None}),
        ('{"size": 4, "name": null}', {"size": 4, "name": None}),
        ("[{'size': 1}, {'size': '2'}]", [{"size": 1}, {"size": 2}]),
        ("None", None),
    ],
)
def test_the_whole_may_be_text(text, sets):
    assert read_rendered("{{ params }}", text, PLACES) == sets


def test_sets_in_a_list_may_be_text():
    assert read_rendered(["{{ params }}", {}], ["{'size': '1'}", {"size": "2"}], PLACES) == [{"size": 1}, {"size": 2}]
    with pytest.raises(ParameterSetError, match="Parameter set 1 is the text 'a', which is no plain form"):
        read_rendered(["{{ params }}"] * 2, ["{'size': '1'}", "a"], PLACES)


@pytest.mark.parametrize("text", ["4", "size=4", "", "{'size': datetime.date(2010, 1, 1)}"])
def test_a_whole_that_is_no_parameter_set_is_refused(text):
    with pytest.raises(ParameterSetError, match=r"input_params is the text.*dag\.param.*render_template_as_native_obj"):
        read_rendered("{{ params }}", text, PLACES)


def test_what_is_no_text_stays_as_it_is():
    sets = [{"size": 1, "more": [1.5, None, {"a": True}]}]
    assert read_rendered(sets, sets, PLACES) == sets
    assert read_rendered(None, None, PLACES) is None
    assert not holds_text(sets)
    assert holds_text([{"more": [{"a": "b"}]}])
    assert holds_text("{{ params }}")
