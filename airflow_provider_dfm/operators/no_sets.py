"""What becomes of a task that was given an empty list of parameter sets, and so has nothing to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_dfm.federation.errors import ParameterSetError
from airflow_provider_dfm.operators.rendered_text import literal

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.parameter_sets import ParameterSets

OnNoSets = Literal["skip", "fail", "succeed"]


def end_without_sets(input_params: ParameterSets, on_no_sets: OnNoSets, nothing_was: str, log: Logger) -> None:
    """Skip or fail the task, where there is no parameter set.

    :param input_params: as the task was given them, or as a template rendered them; None is no empty list.
    :param on_no_sets: ``skip``, ``fail`` or ``succeed``.
    :param nothing_was: what was not done, such as ``submitted``.
    :param log: the task's.
    :raises AirflowSkipException: there is none, and ``on_no_sets`` is ``skip``.
    :raises ParameterSetError: there is none, and ``on_no_sets`` is ``fail``.
    """
    sets = literal(input_params)
    if not isinstance(sets, Sequence) or isinstance(sets, str) or len(sets):
        return
    text = f"input_params is an empty list: there is no parameter set, and nothing was {nothing_was}."
    if on_no_sets == "fail":
        raise ParameterSetError(
            f"{text} With on_no_sets='skip' the task is skipped then, and with 'succeed' it goes on."
        )
    if on_no_sets == "skip":
        log.warning("%s The task is skipped, as on_no_sets='skip' says", text)
        raise AirflowSkipException(text)
    log.warning("input_params is an empty list: there is no parameter set. The task goes on, as on_no_sets says")
