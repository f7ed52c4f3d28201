"""What a federation offers, as its package says it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class OperationParameter(BaseModel):
    """One parameter of an operation.

    :param name: its name.
    :param required: whether an operation has to be given a value, a place or another operation for it.
    :param json_schema: JSON schema of its literal values, with a ``default`` where it is not required; ``{}`` takes
        anything, or is what JSON cannot describe, such as an array.
    :param description: what it means.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    required: bool
    json_schema: dict[str, Any]
    description: str


class FederationOperation(BaseModel):
    """One operation.

    :param path: its class in the federation's package, to import in a pipeline function.
    :param description: what it does.
    :param parameters: its parameters, in their order.
    :param returns: the type of what it returns, as Python writes it.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    description: str
    parameters: tuple[OperationParameter, ...]
    returns: str


class FederationApi(BaseModel):
    """The API of a federation.

    :param federation: its package.
    :param homesite: the home site it is seen from.
    :param api_version: the API's version.
    :param nv_dfm_core: version of the library in the federation's environment.
    :param sites: site to the names of the operations that it carries out.
    :param operations: name, such as ``temperature.Statistics``, to the operation.
    """

    model_config = ConfigDict(frozen=True)

    federation: str
    homesite: str
    api_version: str
    nv_dfm_core: str
    sites: dict[str, tuple[str, ...]]
    operations: dict[str, FederationOperation]
