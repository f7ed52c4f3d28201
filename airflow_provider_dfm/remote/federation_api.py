"""The federation's API, read from its package: who offers what, without asking anybody."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.operation_schema import (
    default_of,
    documentation,
    field_schema,
    load_operation,
    parameter_names,
)

# Site to its operations, each with the provider there that carries it out, or None.
Offers = dict[str, set[tuple[str | None, str]]]


def federation_api(about: dict[str, Any]) -> dict[str, Any]:
    """Describe a federation.

    :param about: its ``federation``, and what else is to be in the answer.
    :return: that, with ``sites`` (name to the names of its operations) and ``operations`` (name to its description).
    :raises NamedError: ConnectionSettingsError, the package is not whole.
    """
    package = about["federation"]
    try:
        sites = {
            site: sorted({operation for _, operation in offered}) for site, offered in read_offers(package).items()
        }
        names = sorted({name for offered in sites.values() for name in offered})
        operations = {name: _operation(f"{package}.fed.api.{name}") for name in names}
    except (ImportError, AttributeError, OSError, ValueError, KeyError) as error:
        raise NamedError(
            "ConnectionSettingsError",
            f"The generated code of the federation {package!r} is not whole: {type(error).__name__}: {error}. "
            "Generate it again (dfm fed gen code).",
        ) from error
    return about | {"sites": sites, "operations": operations}


def read_offers(package: str) -> Offers:
    """What the sites of a federation offer.

    :param package: the federation's.
    """
    info = json.loads(resources.files(f"{package}.fed.runtime").joinpath("fed_info.json").read_text(encoding="utf-8"))
    offers: Offers = {}
    for name, site in info["sites"].items():
        offers[name] = {(None, operation) for operation in site["interface"]}
        for provider, provided in site["providers"].items():
            offers[name] |= {(provider, operation) for operation in provided["interface"]}
    return offers


def _operation(path: str) -> dict[str, Any]:
    operation = load_operation(path)
    texts = documentation(operation)
    parameters = []
    for name in parameter_names(operation):
        schema, default = field_schema(operation, name), default_of(operation, name)
        parameters.append(
            {
                "name": name,
                "required": operation.model_fields[name].is_required(),
                "json_schema": schema if default is None else schema | {"default": json.loads(default)},
                "description": texts.parameters.get(name, ""),
            }
        )
    return {"path": path, "description": texts.text, "parameters": parameters, "returns": texts.returns}
