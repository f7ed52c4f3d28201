"""Takes the arguments of operators, sensors and triggers: checked as the DAG is read, and again once rendered."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.operators.argument_kinds import ArgumentKind, as_location

if TYPE_CHECKING:
    from airflow.sdk.definitions.mappedoperator import OperatorPartial

# Begin what Jinja renders, unless the DAG has others.
TEMPLATE_MARKS = ("{{", "{%", "{#")
# What those others can be made of: where no DAG is known yet, a text with one of these in it may be a template.
POSSIBLE_MARKS = tuple("{[(<$%#@")
RENDERED_LATER = "_rendered_later"


class ArgumentError(AirflowFailException, ValueError):
    """An argument is wrong. As a DAG is read that is an import error, and in a task a failure that no retry follows."""


class TakesArguments:
    """Mixed into operators and sensors: which arguments they take.

    ``arguments`` has what each can be. Those among ``template_fields`` can also be a template, a Param's reference
    (``dag.param(...)``) or another task's XCom (``task.output``); others are needed as the DAG is read.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {}

    @classmethod
    def partial(cls, **given: Any) -> OperatorPartial:
        """As Airflow's, which would leave all mistakes for the worker to find."""
        partial: OperatorPartial = super().partial(**given)  # type: ignore[misc]
        dag = partial.kwargs["dag"]
        defaults = {} if dag is None else dag.default_args
        check_arguments(cls, {**defaults, **(given.get("default_args") or {}), **given}, _marks(dag))
        return partial


def take_arguments(owner: Any, **given: Any) -> None:
    """Make arguments attributes: what literals mean, and as they are those that are rendered or resolved later.

    :param owner: the operator, sensor or trigger, of which the class has ``arguments``.
    :param given: the arguments.
    :raises ArgumentError: one is wrong.
    """
    marks = _marks(getattr(owner, "_dag", None))
    later = set(getattr(owner, RENDERED_LATER, ()))
    # The arguments of a mapped task come resolved, as templates would: airflow/sdk/definitions/mappedoperator.py, unmap
    is_unmapped = getattr(owner, "_BaseOperator__from_mapped", False)
    for name, value in given.items():
        taken, is_later = _taken(type(owner), _task_id(owner), name, value, marks, is_unmapped)
        setattr(owner, name, taken)
        if is_later:
            later.add(name)
    setattr(owner, RENDERED_LATER, frozenset(later))


def read_arguments(owner: Any) -> None:
    """Make attributes what they mean, once Airflow has rendered and resolved them.

    :param owner: the operator or sensor.
    :raises ArgumentError: one is wrong.
    """
    for name, argument in type_arguments(type(owner)).items():
        # All others were read as they were given.
        if name in owner.template_fields:
            is_rendered = name in getattr(owner, RENDERED_LATER)
            value = _read(type(owner), _task_id(owner), name, argument, getattr(owner, name), is_rendered)
            setattr(owner, name, value)


def check_arguments(kind: type, given: Mapping[str, Any], marks: tuple[str, ...] = POSSIBLE_MARKS) -> None:
    """Refuse wrong literals among the arguments of a task that is mapped, and made in the worker.

    :param kind: the operator's or sensor's class.
    :param given: the arguments, among others.
    :param marks: what a template is known by.
    :raises ArgumentError: one is wrong.
    """
    for name in type_arguments(kind).keys() & given.keys():
        _taken(kind, given.get("task_id"), name, given[name], marks, False)


def type_arguments(kind: type) -> Mapping[str, ArgumentKind]:
    """What the arguments of a class can be."""
    arguments: Mapping[str, ArgumentKind] = kind.arguments  # type: ignore[attr-defined]
    return arguments


def _taken(
    kind: type, task_id: str | None, name: str, value: Any, marks: tuple[str, ...], is_unmapped: bool
) -> tuple[Any, bool]:
    """What is kept of an argument, and whether it is read later."""
    argument = type_arguments(kind).get(name)
    if argument is None:
        return value, False
    value = as_location(value)
    if _holds_param(value):
        name_it = 'a Param is named by dag.param("...") or "{{ params... }}"'
        raise _error(kind, task_id, name, value, name_it)
    is_templated = name in getattr(kind, "template_fields", ())
    if not is_templated:
        # A dict of a trigger may hold what looks like a template, and is one no more.
        marks = TEMPLATE_MARKS if isinstance(value, str) else ()
    if not (_is_later(value, marks) or (is_templated and _is_called_by_airflow(value))):
        return _read(kind, task_id, name, argument, value, is_unmapped and not argument.is_text), False
    if not is_templated:
        needed = f"it is needed as the DAG is read, and takes no template, XCom or Param; give {argument.wanted}"
        raise _error(kind, task_id, name, value, needed)
    return value, True


def _read(kind: type, task_id: str | None, name: str, argument: ArgumentKind, value: Any, is_rendered: bool) -> Any:
    try:
        return argument.read(argument.rendered(value) if is_rendered else value)
    except (ValueError, TypeError, OverflowError) as error:
        why = str(error).rstrip(".")
        reason = f"{why}; give {argument.wanted}" if why else f"give {argument.wanted}"
        if value is None or value in ("None", ""):
            reason += ". Its template, Param or XCom gave nothing" if is_rendered else ""
        raise _error(kind, task_id, name, value, reason) from None


def _error(kind: type, task_id: str | None, name: str, value: Any, reason: str) -> ArgumentError:
    owner = getattr(kind, "custom_operator_name", kind.__name__)
    task = "" if task_id is None else f" {task_id!r}"
    return ArgumentError(f"{owner}{task}: {name} is {value!r:.200}: {reason}.")


def _task_id(owner: Any) -> str | None:
    return getattr(owner, "task_id", None)


def _marks(dag: Any) -> tuple[str, ...]:
    if dag is None:
        return POSSIBLE_MARKS
    own = dag.jinja_environment_kwargs or {}
    begin = [mark for name, mark in own.items() if mark and name.endswith(("start_string", "prefix"))]
    return (*TEMPLATE_MARKS, *begin)


def _is_later(value: Any, marks: tuple[str, ...]) -> bool:
    """Whether Airflow renders or resolves it, or something in it: airflow/sdk/definitions/_internal/templater.py."""
    if isinstance(value, str):
        return any(mark in value for mark in marks)
    if isinstance(value, Mapping):
        return any(_is_later(inner, marks) for inner in value.values())
    # XComs of mapped tasks among them. One that holds a template's marks stays the object it is, by which Airflow
    # knows that it must not be rendered.
    if isinstance(value, (Sequence, Set)) and not isinstance(value, (bytes, bytearray, memoryview)):
        return any(_is_later(inner, marks) for inner in value)
    # XComArg, DagParam, literal(...) and the argument of a mapped task group.
    return hasattr(type(value), "iter_references")


def _holds_param(value: Any) -> bool:
    # Airflow would have it resolve the task's context.
    if isinstance(value, dict):
        return any(_holds_param(inner) for inner in value.values())
    if isinstance(value, (list, tuple, set)):
        return any(_holds_param(inner) for inner in value)
    return isinstance(value, Param)


def _is_called_by_airflow(value: Any) -> bool:
    """Whether it is a function that gives the argument, which Airflow calls in place of rendering it."""
    if not callable(value):
        return False
    function: Callable[..., Any] = value
    try:
        inspect.signature(function).bind(context=None, jinja_env=None)
    except (TypeError, ValueError):
        return False
    return True
