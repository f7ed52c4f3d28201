"""Reads what a job's folder says of the job, as FLARE's server does."""

from __future__ import annotations

import json
import os
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError


def read_meta_file(folder: str) -> dict[str, Any]:
    """Read it: nvflare/private/fed/server/job_meta_validator.py, ``_validate_meta``.

    :param folder: the job's folder.
    :return: ``file``, the name of the file that FLARE reads of those that are there, and ``meta``, what it says.
    :raises NamedError: JobDefinitionError: there is none, or FLARE's reader cannot read it.
    """
    from nvflare.fuel.utils.config import ConfigFormat
    from nvflare.fuel.utils.config_factory import ConfigFactory

    forms = {f"meta{extension}": form for extension, form in ConfigFormat.config_ext_formats().items()}
    for name, form in forms.items():
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return {"file": name, "meta": _read(path, name, ConfigFactory.get_config_loader(form))}
    there = ", ".join(sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith("meta.")))
    raise NamedError("JobDefinitionError", f"The job holds {there}, and FLARE reads none but {', '.join(forms)}.")


def _read(path: str, name: str, loader: Any) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            read = loader.load_config_from_str(file.read().decode()).to_dict()
        # What FLARE cannot store, such as a date of HOCON's own, it would refuse only later.
        meta = json.loads(json.dumps(read))
    except ImportError as error:
        raise NamedError(
            "JobDefinitionError",
            f"Reading the job's {name} needs a library that the federation's interpreter has not ({error}): install "
            f"it there ({error.name}), or write {name} as meta.json.",
        ) from error
    except Exception as error:  # each format's library has its own
        raise NamedError(
            "JobDefinitionError",
            f"FLARE's reader cannot read the job's {name}: {type(error).__name__}: {error}",
        ) from error
    if not isinstance(meta, dict):
        raise NamedError("JobDefinitionError", f"The job's {name} holds no object, but a {type(meta).__name__}.")
    return meta
