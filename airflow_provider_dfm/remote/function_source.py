"""Makes a function of its text, which came from a DAG file."""

from __future__ import annotations
import __future__

import ast
import linecache
from collections.abc import Callable
from typing import Any


def function_from_source(source: str, name: str, file: str, line: int) -> Callable[..., Any]:
    """Make the function.

    :param source: its text, as it stands in the file: indented, with decorators.
    :param name: its name.
    :param file: the file's name, for tracebacks.
    :param line: number of the text's first line there.
    :raises NameError: a default of a parameter refers to something outside of the function.
    :raises SyntaxError: this Python does not know the syntax.
    """
    # Below an if, indented text can stand as it is: removing the indent would change strings of several lines.
    indented = source[:1].isspace()
    tree = ast.parse(f"if True:\n{source}" if indented else source)
    body = tree.body[0].body if indented else tree.body  # type: ignore[attr-defined]
    function = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == name)
    function.decorator_list = []
    module = ast.Module(body=[function], type_ignores=[])
    ast.increment_lineno(module, line - (2 if indented else 1))
    # For tracebacks, which show the line itself.
    lines = ["\n"] * (line - 1) + source.splitlines(keepends=True)
    linecache.cache[file] = (len(source), None, lines, file)
    # Type hints may name what only the DAG file knows.
    code = compile(module, file, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True)
    namespace: dict[str, Any] = {"__name__": name}
    exec(code, namespace)
    made: Callable[..., Any] = namespace[name]
    return made
