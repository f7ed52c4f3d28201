"""Reads what a job's folder says of the job, as FLARE's server does."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError

SHOWN_LETTERS = 80
# pyhocon/config_parser.py, include_config: it opens any file and any address. Comments and texts are searched too:
# nobody but its parser can tell them apart for certain.
_include = re.compile(r'include\s*(?:"[^"\n]*"|(?:required|url|file|package)\s*\()', re.IGNORECASE)
_substitution = re.compile(r"\$\{\??([^}]+)\}")
# OmegaConf's, without what it calls functions, such as ${oc.env:HOME}.
_own_value = re.compile(r"\$\{[\w.\[\]-]+\}")


def read_meta_file(folder: str) -> dict[str, Any]:
    """Read it: nvflare/private/fed/server/job_meta_validator.py, ``_validate_meta``.

    :param folder: the job's folder.
    :return: ``file``, the name of the file that FLARE reads of those that are there, and ``meta``, what it says.
    :raises NamedError: JobDefinitionError: there is none, FLARE's reader cannot read it, or it would take something
        from this machine: what is submitted has to be the same wherever it is submitted, and holds no secret of a
        worker's environment.
    """
    from nvflare.fuel.utils.config import ConfigFormat
    from nvflare.fuel.utils.config_factory import ConfigFactory

    forms = {f"meta{extension}": form for extension, form in ConfigFormat.config_ext_formats().items()}
    for name, form in forms.items():
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return {"file": name, "meta": _read(path, name, form.name, ConfigFactory.get_config_loader(form))}
    there = ", ".join(sorted(entry.name for entry in os.scandir(folder) if entry.name.startswith("meta.")))
    raise NamedError("JobDefinitionError", f"The job holds {there}, and FLARE reads none but {', '.join(forms)}.")


def _read(path: str, name: str, form: str, loader: Any) -> dict[str, Any]:
    try:
        with open(path, "rb") as file:
            text = file.read().decode()
        if form == "PYHOCON":
            _check_hocon(text, name)
        config = loader.load_config_from_str(text)
        if form == "OMEGACONF":
            _check_yaml(config.to_dict(resolve=False), name)
        read = config.to_dict()
        # What FLARE cannot store, such as a date of HOCON's own, it would refuse only later.
        meta = json.loads(json.dumps(read))
    except NamedError:
        raise
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


def _check_hocon(text: str, name: str) -> None:
    if included := _include.search(text):
        raise _not_its_own(name, f"includes something ({included[0][:SHOWN_LETTERS]})")
    for found in _substitution.finditer(text):
        # As pyhocon/config_parser.py looks them up: _resolve_variable, and _fixup_self_references by the first key.
        names = {each.strip().strip('"') for each in (found[1], *found[1].split("."))}
        if not names.isdisjoint(os.environ):
            raise _not_its_own(name, f"takes {found[0][:SHOWN_LETTERS]} from the environment")


def _check_yaml(unresolved: Any, name: str) -> None:
    for text in _texts(unresolved):
        if "${" in _own_value.sub("", text):
            raise _not_its_own(name, f"does not name a value of its own in {text[:SHOWN_LETTERS]}")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _not_its_own(name: str, what: str) -> NamedError:
    return NamedError(
        "JobDefinitionError",
        f"The job's {name} {what}, which can be something else on each machine. Write the value itself there; meta "
        "of the operator can set one that changes.",
    )
