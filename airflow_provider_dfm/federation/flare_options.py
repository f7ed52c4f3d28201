"""DFM's FlareOptions, as a DAG gives them: a mapping, since Airflow's processes have no nv_dfm_core."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# nv_dfm_core/targets/flare/_flare_options.py
NAMES = ("task_timeout_s",)


def read_options(options: Mapping[str, Any] | None) -> dict[str, int]:
    """Check options.

    :param options: ``task_timeout_s``: whole seconds after which the federation stops the job and fails it; 0: never.
    :raises ValueError: names the option that there is not, or that is wrong.
    """
    unknown = sorted((options or {}).keys() - set(NAMES))
    if unknown:
        raise ValueError(f"options has {', '.join(unknown)}: FlareOptions has {', '.join(NAMES)} only.")
    for name, value in (options or {}).items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ValueError(f"options: {name} is {value!r}: give whole seconds, or 0 for no limit.")
    return dict(options or {})
