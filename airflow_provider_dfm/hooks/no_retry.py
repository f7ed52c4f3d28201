"""Ends a task at once for what no retry can mend."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import CorrectionNeeded

Arguments = ParamSpec("Arguments")
Given = TypeVar("Given")


def fails_for_good(method: Callable[Arguments, Given]) -> Callable[Arguments, Given]:
    """For what Airflow calls of an operator: ``execute``, ``execute_complete`` and a sensor's ``poke``.

    A :class:`CorrectionNeeded` becomes Airflow's ``AirflowFailException`` of the same text, with the error as its
    cause: the task fails without a retry, and without its retry policy being asked
    (airflow/sdk/execution_time/task_runner.py, ``_run_task_and_map_outcome``). All other errors stay what they are.

    :param method: the method.
    """

    @functools.wraps(method)
    def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Given:
        try:
            return method(*args, **kwargs)
        except CorrectionNeeded as error:
            raise AirflowFailException(f"{type(error).__name__}: {error}") from error

    return call
