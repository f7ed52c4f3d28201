"""The table of arguments: docs/arguments.md is written from it, and each of its cells is tested by it."""

from __future__ import annotations

import datetime
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pendulum

from airflow_provider_dfm.decorators.dfm import DfmPipelineDecoratedOperator
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.dfm import (
    DfmDiscoverOperator,
    DfmExecuteOperator,
    DfmPrepareOperator,
    DfmResultsOperator,
    DfmSendParamsOperator,
)
from airflow_provider_dfm.operators.flare import (
    FlareAbortJobOperator,
    FlareCloneJobOperator,
    FlareDeleteJobOperator,
    FlareDownloadResultOperator,
    FlareListJobsOperator,
    FlareSubmitJobOperator,
)
from airflow_provider_dfm.sensors.federation import FederationReadySensor
from airflow_provider_dfm.sensors.job import FederationJobSensor
from airflow_provider_dfm.triggers.federation import FederationReadyTrigger
from airflow_provider_dfm.triggers.job import FederationJobTrigger

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "arguments.md"
JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"


def measure():
    """Stands for a function of the DAG file."""


# What each class needs besides the argument that is tried.
OPERATORS: dict[type, dict[str, Any]] = {
    DfmExecuteOperator: {"pipeline": "pipelines:compare"},
    DfmPipelineDecoratedOperator: {"python_callable": measure},
    DfmPrepareOperator: {"pipeline": "pipelines:compare"},
    DfmDiscoverOperator: {"pipeline": "pipelines:compare"},
    DfmSendParamsOperator: {"job_id": JOB, "input_params": {}},
    DfmResultsOperator: {"job_id": JOB},
    FlareSubmitJobOperator: {"job_definition_path": "jobs:train"},
    FlareCloneJobOperator: {"job_id": JOB},
    FlareAbortJobOperator: {"job_id": JOB},
    FlareDeleteJobOperator: {"job_id": JOB},
    FlareDownloadResultOperator: {"job_id": JOB},
    FlareListJobsOperator: {},
    FederationJobSensor: {"job_id": JOB},
    FederationReadySensor: {},
}
TRIGGERS: dict[type, dict[str, Any]] = {
    FederationJobTrigger: {"dfm_conn_id": "weather", "job_id": JOB},
    FederationReadyTrigger: {"dfm_conn_id": "weather"},
}
# Arguments that are Airflow's own matter.
AIRFLOWS = {"python_callable", "op_args", "op_kwargs", "kwargs", "self"}

# The ways of giving an argument. The first and the last are open to all arguments, the others to templated ones.
LITERAL, TEMPLATE, NATIVE, XCOM, PARAM, EXPAND = (
    "literal",
    "template",
    "native rendering",
    "XCom",
    "Param",
    "`.expand()`",
)
WAYS = (LITERAL, TEMPLATE, NATIVE, XCOM, PARAM, EXPAND)


@dataclass(frozen=True)
class Examples:
    """What an argument of one kind takes, and what it does not.

    :param name: what the documentation calls the kind.
    :param literals: Python source to what it means.
    :param texts: what a template gives to what that means.
    :param wrong: Python source of literals that are refused.
    :param wrong_texts: what a template gives and is refused.
    :param natives: those of ``literals`` that a Param, an XCom or native rendering can give; default: all.
    """

    name: str
    literals: dict[str, Any]
    texts: dict[str, Any]
    wrong: tuple[str, ...]
    wrong_texts: tuple[str, ...]
    natives: tuple[str, ...] | None = None

    def by(self, way: str) -> dict[str, Any]:
        """What is taken in a way: its source to what it means."""
        if way in (LITERAL, EXPAND):
            return self.literals
        plain = {source: self.literals[source] for source in (self.literals if self.natives is None else self.natives)}
        texts = {repr(text): meaning for text, meaning in self.texts.items()}
        return texts if way == TEMPLATE else plain | texts if way == XCOM else plain

    def wrong_by(self, way: str) -> tuple[str, ...]:
        """What is refused in a way: its source."""
        texts = tuple(map(repr, self.wrong_texts))
        if way == EXPAND:
            # What a mapped task is given stands for itself: a text may be "None".
            return tuple(source for source in (*self.wrong, *texts) if source[0] not in "'\"" or source == "''")
        return self.wrong if way == LITERAL else texts


DATED = {
    "{'day': datetime.date(2010, 1, 1)}": {"day": "2010-01-01"},
    "{'at': pendulum.datetime(2010, 1, 1, tz='UTC')}": {"at": "2010-01-01T00:00:00+00:00"},
    "{'of': [datetime.datetime(2010, 1, 1)]}": {"of": ["2010-01-01T00:00:00+00:00"]},
}
A_DICT = Examples(
    "a dict of plain values",
    {"{'count': 3}": {"count": 3}, **DATED, "None": None},
    {"{'count': 3}": {"count": 3}, '{"on": true}': {"on": True}, "None": None},
    ("['a']", "{1: 'a'}", "{'a': object()}", "{'a': float('nan')}", "datetime.date(2010, 1, 1)"),
    ("a", "['a']", "{'a': <object>}"),
    natives=("{'count': 3}",),
)
LASTS = {"3600": 3600.0, "0.5": 0.5, "datetime.timedelta(hours=1)": 3600.0, "pendulum.duration(minutes=1)": 60.0}
NO_TIME = ("-1", "float('nan')", "float('inf')", "'3600'", "True", "None", "datetime.timedelta(seconds=-1)", "1e300")
DURATION = Examples(
    "a duration",
    LASTS,
    {"3600": 3600.0, "0.5": 0.5},
    ("0", "datetime.timedelta(0)", *NO_TIME),
    ("0", "-1", "nan", "inf", "an hour", "", "None", "True", "1:00:00"),
    natives=("3600", "0.5"),
)
MAYBE_DURATION = Examples(
    "a duration, 0 or None",
    {**LASTS, "0": 0.0, "None": None},
    {"3600": 3600.0, "0": 0.0, "None": None, "": None},
    tuple(source for source in NO_TIME if source != "None"),
    ("-1", "nan", "inf", "an hour", "True", "1:00:00"),
    natives=("3600", "0.5", "0"),
)
SITES = Examples(
    "sites",
    {"['a', 'b']": ["a", "b"], "'a, b'": ["a", "b"], "('a', 'b')": ["a", "b"], "{'b', 'a'}": ["a", "b"], "[]": []},
    {"['a', 'b']": ["a", "b"], '["a", "b"]': ["a", "b"], "a, b": ["a", "b"], "a": ["a"], "[]": [], "": [], "None": []},
    ("5.0", "['a', None]", "['a b']", "{'a': 1}", "object()", "['']", "'a b'"),
    ("['a'", "a b", "{'a': 1}", "a, None", "['a', None]", "LazyXComSequence([2 items])"),
    natives=("['a', 'b']", "'a, b'", "[]"),
)

EXAMPLES: dict[str, Examples] = {
    kinds.DURATION.wanted: DURATION,
    kinds.optional(kinds.DURATION_OR_NO_TIME).wanted: MAYBE_DURATION,
    kinds.MOMENT.wanted: Examples(
        "a moment",
        {
            "1262304000": 1262304000.0,
            "datetime.datetime(2010, 1, 1, tzinfo=datetime.timezone.utc)": 1262304000.0,
            "None": None,
        },
        {},
        ("-1", "'2010-01-01'", "float('nan')", "True"),
        (),
    ),
    kinds.FLAG.wanted: Examples(
        "a flag",
        {"True": True, "False": False},
        {"True": True, "False": False, "true": True, "false": False},
        ("1", "'False'", "None", "'yes'"),
        ("yes", "1", "", "None"),
    ),
    kinds.optional(kinds.FLAG).wanted: Examples(
        "a flag or None", {"True": True, "False": False, "None": None}, {}, ("1", "'False'", "'yes'"), ()
    ),
    kinds.TEXT.wanted: Examples(
        "a text",
        {f"'{JOB}'": JOB, "2024": "2024"},
        {JOB: JOB, f" {JOB}\n": JOB},
        ("''", "' '", "None", "1.5", f"['{JOB}']", "True", "{'job_id': 'a'}", "object()"),
        ("", "None", "  "),
    ),
    kinds.optional(kinds.TEXT).wanted: Examples(
        "a text or None",
        {"'train'": "train", "2024": "2024", "'None'": "None", "''": None, "None": None},
        {"train": "train", "None": None, "": None},
        ("1.5", "['a']", "True", "object()"),
        (),
        natives=("'train'", "2024"),
    ),
    kinds.optional(kinds.LOCATION).wanted: Examples(
        "a path or None",
        {"'s3://store/models'": "s3://store/models", "pathlib.Path('/models')": "/models", "None": None},
        {"s3://store/models": "s3://store/models", "None": None},
        ("1.5", "['a']", "object()"),
        (),
        natives=("'s3://store/models'",),
    ),
    kinds.JOB.wanted: Examples(
        "a job",
        {"'/jobs/train'": "/jobs/train", "pathlib.Path('/jobs/train')": "/jobs/train", "'jobs:train'": "jobs:train"},
        {"jobs:train": "jobs:train", "s3://jobs/train.zip": "s3://jobs/train.zip"},
        ("None", "''", "measure", "{'name': 'train'}", "['/jobs/train']"),
        ("", "None"),
        natives=("'/jobs/train'",),
    ),
    kinds.PIPELINE.wanted: Examples(
        "a pipeline",
        {
            "'pipelines:compare'": "pipelines:compare",
            "pathlib.Path('/pipelines/compare.json')": "/pipelines/compare.json",
            "{'name': 'compare'}": {"name": "compare"},
            '\'{"name": "compare"}\'': '{"name": "compare"}',
        },
        {
            "pipelines:compare": "pipelines:compare",
            '{"name": "compare"}': '{"name": "compare"}',
            "{'name': 'compare'}": {"name": "compare"},
        },
        ("None", "''", "measure", "['pipelines:compare']", "5.0"),
        ("", "None"),
        natives=("'pipelines:compare'", "{'name': 'compare'}"),
    ),
    kinds.INPUT_PARAMS.wanted: Examples(
        "parameter sets",
        {"{'size': 4}": {"size": 4}, "[{'size': 4}, {}]": [{"size": 4}, {}], "[]": [], "None": None},
        # Read by the pipeline's schema, once that is known: test_rendered_params.py
        {text: text for text in ("{'size': 4}", '[{"size": 4}]', "[]")},
        ("5", "True", "object()", "{1, 2}", "measure"),
        (),
        natives=("{'size': 4}", "[{'size': 4}, {}]"),
    ),
    kinds.SITES.wanted: SITES,
    kinds.RESTRICTION.wanted: Examples(
        "a restriction",
        {"'homesite'": "homesite", "['a', 'b']": ["a", "b"], "None": None},
        {"homesite": "homesite", "['a', 'b']": ["a", "b"], '["a"]': ["a"], "None": None, "": None},
        ("'seattle'", "5", "['a', None]", "object()"),
        ("seattle", "['a'"),
        natives=("'homesite'", "['a', 'b']"),
    ),
    kinds.optional(kinds.PATTERNS).wanted: Examples(
        "patterns or None",
        {"'workspace/**'": "workspace/**", "['*.npy', '*.pt']": ["*.npy", "*.pt"], "None": None},
        {
            "workspace/**": "workspace/**",
            "['*.npy', '*.pt']": ["*.npy", "*.pt"],
            "[ab]*.npy": "[ab]*.npy",
            "None": None,
        },
        ("5.0", "[None]", "object()"),
        (),
        natives=("'workspace/**'", "['*.npy', '*.pt']"),
    ),
    kinds.FUNCTION_ARGUMENTS.wanted: A_DICT,
    kinds.KEYWORDS.wanted: Examples(
        "keyword arguments",
        {"{'count': 3}": {"count": 3}, "None": None},
        {"{'count': 3}": {"count": 3}, '{"on": true}': {"on": True}, "None": None},
        ("['a']", "{1: 'a'}", "5"),
        ("a", "['a']"),
        natives=("{'count': 3}",),
    ),
    kinds.OPTIONS.wanted: Examples(
        "options",
        {"{'task_timeout_s': 60}": {"task_timeout_s": 60}, "None": {}},
        {"{'task_timeout_s': 60}": {"task_timeout_s": 60}, '{"task_timeout_s": "60"}': {"task_timeout_s": 60}, "": {}},
        ("{'timeout': 60}", "{'task_timeout_s': 1.5}", "{'task_timeout_s': -1}", "5"),
        ("{'timeout': 60}", "60"),
        natives=("{'task_timeout_s': 60}",),
    ),
    kinds.CALLBACK.wanted: Examples(
        "a callback",
        {"measure": measure, "'reports:note'": "reports:note", "None": None},
        {},
        ("'note'", "5", "['reports:note']"),
        (),
    ),
    kinds.CALLBACKS.wanted: Examples(
        "callbacks",
        {"{'mean': measure}": {"mean": measure}, "{'mean': 'reports:note'}": {"mean": "reports:note"}, "None": None},
        {},
        ("measure", "{'mean': 5}", "{1: measure}", "{'mean': 'note'}"),
        (),
    ),
}
NAMES = {"datetime": datetime, "pendulum": pendulum, "measure": measure, "pathlib": __import__("pathlib")}


def value_of(source: str) -> Any:
    """The value that a piece of Python source gives."""
    return eval(source, dict(NAMES))


def examples_of(kind: ArgumentKind) -> Examples:
    """The examples of a kind."""
    if kind.choices:
        return examples_of_choice(kind)
    if kind.wanted in EXAMPLES:
        return EXAMPLES[kind.wanted]
    least = int(kind.wanted.removesuffix(", or None").rpartition(" ")[2])
    numbers: dict[str, Any] = {"3": 3, "3.0": 3} | ({"None": None} if kind.wanted.endswith("None") else {})
    texts = {"3": 3, "3.0": 3} | ({"None": None, "": None} if "None" in numbers else {})
    wrong = (str(least - 1), "2.5", "'3'", "True", "float('nan')")
    wrong_texts = (str(least - 1), "2.5", "many", "nan", "True", *(() if "None" in numbers else ("None", "")))
    return Examples(kind.wanted, numbers, texts, wrong, wrong_texts, natives=("3", "3.0"))


def examples_of_choice(kind: ArgumentKind) -> Examples:
    """The examples of a choice, which None may be among."""
    first, *_ = kind.choices
    literals: dict[str, Any] = {repr(choice): choice for choice in kind.choices}
    texts: dict[str, Any] = {choice: choice for choice in kind.choices}
    wrong = (repr(first.title()), "'ignore'", "''", "True", f"['{first}']")
    wrong_texts = (first.title(), "ignore")
    name = f"one of {', '.join(f'`{choice}`' for choice in kind.choices)}"
    if not kind.wanted.endswith("None"):
        return Examples(name, literals, texts, (*wrong, "None"), (*wrong_texts, "", "None"))
    natives = tuple(literals)
    literals, texts = literals | {"None": None}, texts | {"None": None, "": None}
    return Examples(f"{name}, or None", literals, texts, wrong, wrong_texts, natives)


def is_templated(owner: type, name: str) -> bool:
    """Whether an argument of a class is a template field."""
    return name in getattr(owner, "template_fields", ())


def ways_of(owner: type, name: str) -> tuple[str, ...]:
    """The ways in which an argument of a class is taken."""
    if owner in TRIGGERS:
        return (LITERAL,)
    ways = WAYS if is_templated(owner, name) else (LITERAL, EXPAND)
    # Its .expand() maps over the function's own arguments.
    return tuple(way for way in ways if way != EXPAND or owner is not DfmPipelineDecoratedOperator)


def signature_of(owner: type) -> set[str]:
    """The arguments of a class that are this package's own, and those of Airflow's sensors that it describes."""
    names: set[str] = set()
    for base in owner.__mro__:
        if base.__module__.startswith("airflow_provider_dfm") and "__init__" in vars(base):
            names |= set(inspect.signature(base.__init__).parameters)
    names -= AIRFLOWS
    if owner is DfmPipelineDecoratedOperator:
        # They come of the function.
        names -= {"pipeline", "pipeline_arguments"}
    if owner is DfmDiscoverOperator:
        # It always waits.
        names -= {"wait_for_completion"}
    return names


def cells() -> Iterator[tuple[type, str, str]]:
    """Each class, argument and way."""
    for owner in (*OPERATORS, *TRIGGERS):
        for name in owner.arguments:
            for way in WAYS:
                yield owner, name, way


def is_first_of_its_kind(owner: type, name: str) -> bool:
    """Whether no class before has an argument of this name and kind: the others are tried with one value a way."""
    for other in (*OPERATORS, *TRIGGERS):
        if other.arguments.get(name) is owner.arguments[name]:
            return other is owner
    raise AssertionError


def label(owner: type) -> str:
    """What a DAG author calls a class."""
    return getattr(owner, "custom_operator_name", owner.__name__)
