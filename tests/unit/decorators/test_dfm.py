"""Which functions ``@task.dfm_pipeline`` takes, and how their text arrives."""

from __future__ import annotations

import traceback

import pytest
from airflow.sdk import DAG, task

from airflow_provider_dfm.decorators.dfm import _read_function
from airflow_provider_dfm.remote.function_source import function_from_source


def _anew(function):
    read = _read_function(function)
    return function_from_source(read.source, read.name, read.file, read.line)


def decorate(function):
    return function


@decorate
# A comment between them.
@decorate
def several_lines(
    site: NowhereDefined,  # noqa: F821 - type hints are not looked up
    text="""a
    b
c""",
):
    # A comment.
    def inner():
        return f"{site}{text}"

    return inner()


def test_a_functions_text_makes_the_same_function():
    assert _anew(several_lines)("x") == several_lines("x") == "xa\n    b\nc"


def test_an_indented_functions_strings_stay_as_they_are():
    if True:

        @decorate
        def inner():
            return """
  two
        eight
"""

    assert _anew(inner)() == inner() == "\n  two\n        eight\n"


def test_a_traceback_shows_the_line_of_its_file():
    def fails():
        number = 0

        return 1 / number  # the line

    first = fails.__code__.co_firstlineno
    with pytest.raises(ZeroDivisionError) as caught:
        _anew(fails)()
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert (last.filename, last.lineno, last.line) == ("test_dfm.py", first + 3, "return 1 / number  # the line")


def test_the_files_own_names_are_not_there():
    def refers():
        return decorate

    with pytest.raises(NameError, match="decorate"):
        _anew(refers)()


async def asynchronous(): ...


def any_number(*sites): ...


def any_names(**sites): ...


def positional(site, /): ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "written with def"),
        (asynchronous, "written with def"),
        (any_number, r"cannot have the parameter \*sites"),
        (any_names, r"cannot have the parameter \*\*sites"),
        (positional, "cannot have the parameter site"),
    ],
)
def test_other_functions_are_refused_when_the_dag_is_parsed(function, message):
    with DAG("refused", schedule=None), pytest.raises(TypeError, match=message):
        task.dfm_pipeline(task_id="refused")(function)()
