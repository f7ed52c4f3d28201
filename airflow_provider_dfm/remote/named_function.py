"""Calls functions that a DAG author names, in the federation's interpreter."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError

NO_COMMAND_LINE = (
    "If it reads the command line: there is none here, and its keyword arguments are what the task gives it."
)


def call_named_function(path: str, arguments: dict[str, Any], what: str, error_name: str) -> Any:
    """Import a function and call it.

    :param path: ``"package.module:function"``.
    :param arguments: its keyword arguments.
    :param what: what it is, for messages: ``"pipeline function"``.
    :param error_name: the error to raise, by its name in ``federation/errors.py``.
    :return: what it returned.
    :raises NamedError: it cannot be imported, or raised something.
    """
    module_name, _, function_name = path.partition(":")
    try:
        function = getattr(importlib.import_module(module_name), function_name)
    except (ImportError, AttributeError, SyntaxError, SystemExit) as error:
        raise NamedError(
            error_name,
            f"Cannot import the {what} {path}: {type(error).__name__}: {error}. The connection's python_path must "
            "name the folder its module is in.",
        ) from error
    return call_function(function, arguments, f"{what} {path}", error_name)


def call_function(function: Callable[..., Any], arguments: dict[str, Any], what: str, error_name: str) -> Any:
    """Call a function of a DAG author's.

    :param function: the function.
    :param arguments: its keyword arguments.
    :param what: what it is, for messages: ``"pipeline function mean"``.
    :param error_name: the error to raise, by its name in ``federation/errors.py``.
    :return: what it returned.
    :raises NamedError: it raised something.
    """
    try:
        return function(**arguments)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too, which would end the session host
        # The last two lines of the function's own: enough to find the fault, without our frames.
        where = "".join(traceback.format_tb(error.__traceback__)[1:][-2:])
        # As argparse does, with its reason on the error output only.
        hint = f". {NO_COMMAND_LINE}" if isinstance(error, SystemExit) else ""
        raise NamedError(error_name, f"The {what} raised {type(error).__name__}: {error}{hint}\n{where}") from error
