from __future__ import annotations

import functools
from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_dfm.operators.dfm import DfmExecuteOperator

SCHEMA = {"properties": {"size": {"type": "integer"}, "name": {"type": "string"}}}


def note(site, node, frame, place, value):
    pass


async def note_later(*result):
    pass


CALLBACKS = [note, note_later, lambda *result: None, functools.partial(note, "seattle"), [].append, "tests.unit:note"]


def execute(**arguments):
    return DfmExecuteOperator(task_id="run", pipeline="pipelines:compare", **arguments)


def dag():
    return DAG("d", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"))


@pytest.mark.parametrize("callback", CALLBACKS)
def test_a_dag_with_callbacks_can_be_serialized_mapped_or_not(callback):
    with dag() as made:
        execute(default_callback=callback, place_callbacks={"first": callback})
        mapped = DfmExecuteOperator.partial(
            task_id="mapped", pipeline="pipelines:compare", default_callback=callback, place_callbacks={"a": callback}
        )
        mapped.expand(input_params=[{"a": 1}, {"a": 2}])
    serialized = DagSerialization.to_dict(made)
    assert set(DagSerialization.from_dict(serialized).task_dict) == {"run", "mapped"}
    # The worker has the function itself, from the DAG's file.
    assert made.task_dict["run"].default_callback is callback


def test_other_options_than_dfms_are_refused_when_the_dag_is_parsed():
    with pytest.raises(ValueError, match="options has timeout: FlareOptions has task_timeout_s only"):
        execute(options={"timeout": 1})


def test_callbacks_without_a_wait_are_refused():
    with pytest.raises(ValueError, match="set wait_for_completion"):
        execute(default_callback=note, wait_for_completion=False)


def executed(target, **arguments):
    """What the operator asks its hook for."""
    asked = {}

    class Hook:
        settings = SimpleNamespace(target=target)
        parameter_schema = SCHEMA

        def prepare(self, *arguments):
            return self

        def execute(self, *arguments, **keywords):
            asked.update(keywords, input_params=arguments[1])
            return self

        def call_back(self, callbacks):
            return self

    execute(**arguments).submit(Hook(), claim=None)
    return asked


@pytest.mark.parametrize(("options", "seconds"), [(None, 161), ({"task_timeout_s": 7}, 7), ({"task_timeout_s": 0}, 0)])
def test_the_federations_own_limit_is_a_minute_later_than_the_tasks_or_as_options_say(options, seconds):
    asked = executed("flare", options=options, timeout=100.5, force_modgen=True)
    assert asked["options"] == {"task_timeout_s": seconds}
    assert asked["force_modgen"] is True


def test_the_local_target_is_asked_for_no_other_limit_than_options_name():
    assert executed("local")["options"] == {}
    assert executed("local", options={"task_timeout_s": 7})["options"] == {"task_timeout_s": 7}


@pytest.mark.parametrize(
    "input_params",
    [
        {"size": 4, "name": "4"},
        {"size": "4", "name": "4"},
        "{'size': 4, 'name': '4'}",
        '{"size": "4", "name": "4"}',
    ],
)
def test_what_is_given_as_text_and_as_a_value_is_one_content(input_params):
    """So a retry finds its job, whichever way the DAG gives it by then."""
    asked = executed("flare", input_params=input_params)["input_params"]
    assert (asked, type(asked["size"])) == ({"size": 4, "name": "4"}, int)
