"""Functions of a DAG author's that look at a job while it is waited for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.named_function import is_function
from airflow_provider_dfm.federation.result_callbacks import import_callback

# Takes the job's id and its meta; False ends the wait.
JobCallback = Callable[[str, JobMeta], Any]

HINT = (
    "The triggerer of a deferred task does not see the DAG files: its module has to be installed, or on PYTHONPATH, "
    "there."
)


def callback_path(callback: str | Callable[..., Any]) -> str:
    """A callback by its name, as another process can find it.

    :param callback: ``"package.module:function"``, or a function of a module.
    :raises ValueError: it is neither.
    """
    path = callback if isinstance(callback, str) else f"{callback.__module__}:{callback.__qualname__}"
    if not is_function(path):
        raise ValueError(f"The callback {path} cannot be found by its name: give package.module:function.")
    return path


def load_callback(callback: str | Callable[..., Any], keywords: Mapping[str, Any] | None) -> JobCallback:
    """The function itself.

    :param callback: the function, or ``"package.module:function"``.
    :param keywords: further keyword arguments for it.
    :raises CallbackNotFound: it cannot be imported here.
    """
    function = import_callback(callback, HINT) if isinstance(callback, str) else callback
    return partial(function, **(keywords or {}))
