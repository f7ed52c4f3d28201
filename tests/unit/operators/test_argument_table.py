"""Each cell of docs/arguments.md: what each argument takes in each way, and that the rest is refused by name."""

from __future__ import annotations

from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG, BaseOperator, Connection

from airflow_provider_dfm.operators.arguments import ArgumentError, read_arguments
from tests.unit.operators.argument_document import document
from tests.unit.operators.argument_table import (
    DOCUMENT,
    EXPAND,
    LITERAL,
    NATIVE,
    OPERATORS,
    PARAM,
    TEMPLATE,
    TRIGGERS,
    WAYS,
    XCOM,
    cells,
    examples_of,
    is_first_of_its_kind,
    label,
    signature_of,
    value_of,
    ways_of,
)
from tests.unit.operators.test_no_retry import TASKS, Store

CELLS = list(cells())
TAKEN = [(owner, name, way) for owner, name, way in CELLS if way in ways_of(owner, name)]
# A trigger renders nothing, and Airflow itself refuses what cannot be mapped. What a template gives natively is what it
# gives as an XCom.
REFUSED = [
    (owner, name, way)
    for owner, name, way in CELLS
    if way in ways_of(owner, name) or not (owner in TRIGGERS or way == EXPAND)
    if way != NATIVE or way not in ways_of(owner, name)
]


def ids(chosen):
    """What the tests of cells are called."""
    return [f"{label(owner)}-{name}-{way.strip('`.()')}" for owner, name, way in chosen]


class Upstream(BaseOperator):
    """Stands for a task whose XCom is taken."""


def dag(way=LITERAL):
    start = pendulum.datetime(2010, 1, 1, tz="UTC")
    return DAG("table", schedule=None, start_date=start, render_template_as_native_obj=way == NATIVE)


def make(owner, name, way, value):
    """A task, mapped or not, to which a value is given in a way; and what its run has to give for it."""
    with dag(way) as made:
        given = {
            LITERAL: lambda: value,
            TEMPLATE: lambda: "{{ given }}",
            NATIVE: lambda: "{{ given }}",
            XCOM: lambda: Upstream(task_id="upstream").output,
            PARAM: lambda: made.param("given"),
            EXPAND: lambda: [value],
        }[way]()
        rest = {key: known for key, known in OPERATORS[owner].items() if key != name} | {"task_id": "t"}
        if name != "dfm_conn_id":
            rest["dfm_conn_id"] = "broken"
        return owner.partial(**rest).expand(**{name: given}) if way == EXPAND else owner(**rest, **{name: given})


def run_context(task, value, way):
    """The context of a run in which the value is a template's, a Param's and an XCom's."""
    ti = SimpleNamespace(
        id="1",
        dag_id="table",
        run_id="r",
        task_id="t",
        map_index=0,
        try_number=1,
        max_tries=0,
        task=task,
        xcom_pull=lambda **which: value,
        xcom_push=lambda key, value: None,
    )
    return {
        "ti": ti,
        "dag": task.dag,
        "dag_run": SimpleNamespace(conf={"given": value} if way == PARAM else {}),
        "given": value,
        "params": {"given": value},
        "expanded_ti_count": 1,
        "task_state_store": Store(),
    }


def rendered(owner, name, way, value):
    """The task as it is executed, and its context."""
    task = make(owner, name, way, value)
    context = run_context(task, value, way)
    task.render_template_fields(context)
    return context.get("task", task), context


def some(owner, name, examples):
    """All examples of an argument, or the first one where another class has the same argument."""
    return list(examples) if is_first_of_its_kind(owner, name) else list(examples)[:1]


def taken(owner, name, way, value):
    """What becomes of an argument."""
    if owner in TRIGGERS:
        return getattr(owner(**TRIGGERS[owner] | {name: value}), name)
    task, _ = rendered(owner, name, way, value)
    read_arguments(task)
    return getattr(task, "output_form" if name == "output" else name)


def taken_as(owner, name, meaning):
    """What a meaning looks like in a class that keeps an argument in a form of its own."""
    if owner in TRIGGERS and name == "callback" and callable(meaning):
        return f"{meaning.__module__}:{meaning.__qualname__}"
    if name == "wait_for_completion" and meaning is None:
        return True
    if name == "timeout" and meaning is None:
        return 7 * 24 * 3600.0
    return meaning


@pytest.fixture(autouse=True)
def connection(monkeypatch):
    broken = Connection(conn_id="broken", conn_type="dfm", login="a@b.c", extra='{"target": "neither"}')
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", broken.as_json())


@pytest.mark.parametrize(("owner", "name", "way"), TAKEN, ids=ids(TAKEN))
def test_what_the_table_says_is_taken_for_what_was_meant(owner, name, way):
    for source, meaning in some(owner, name, examples_of(owner.arguments[name]).by(way).items()):
        got = taken(owner, name, way, value_of(source))
        assert got == taken_as(owner, name, meaning), source
        assert type(got) is type(taken_as(owner, name, meaning)), source


@pytest.mark.parametrize(("owner", "name", "way"), REFUSED, ids=ids(REFUSED))
def test_all_else_is_refused_by_the_operators_and_the_arguments_name(owner, name, way):
    ways = ways_of(owner, name)
    named = rf"^{label(owner)}.*: {name} is "
    examples = examples_of(owner.arguments[name])
    if way not in ways:
        with pytest.raises(ArgumentError, match=rf"{named}.*it is needed as the DAG is read.*give "):
            make(owner, name, way, value_of(next(iter(examples.literals))))
    else:
        # The connection cannot work: anything that was asked of it would say so first.
        attempt = taken if owner in TRIGGERS or way == LITERAL else execute
        for source in some(owner, name, examples.wrong_by(way)):
            value = value_of(source)
            with pytest.raises(ArgumentError, match=named):
                attempt(owner, name, way, value)


def execute(owner, name, way, value):
    task, context = rendered(owner, name, way, value)
    task.execute(context)


def test_the_table_has_all_classes():
    assert {kind for kind, _ in TASKS} == set(OPERATORS)


@pytest.mark.parametrize("owner", [*OPERATORS, *TRIGGERS], ids=label)
def test_the_table_has_all_arguments_of_a_class(owner):
    assert set(owner.arguments) == signature_of(owner)


@pytest.mark.parametrize("owner", OPERATORS, ids=label)
def test_all_that_is_templated_is_read(owner):
    own = set(owner.template_fields) - {"templates_dict", "op_args", "op_kwargs"}
    assert own <= set(owner.arguments)


def test_the_document_is_what_the_table_says():
    written = DOCUMENT.read_text(encoding="utf-8")
    assert written == document(), "write it anew: python -m tests.unit.operators.argument_document"


def test_each_way_is_tried():
    assert {way for _, _, way in CELLS} == set(WAYS)
