"""A pipeline that a session has prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# "homesite", or the sites that a pipeline may use; None: all.
RestrictToSites = Literal["homesite"] | list[str] | None


@dataclass(frozen=True)
class PreparedPipeline:
    """A pipeline that the session has prepared; it can be executed any number of times while that is open.

    :param reference: the session's name for it.
    :param name: the pipeline's name, or ``""``.
    :param api_version: version of the federation's API it was prepared for.
    :param sites: the sites that take part.
    :param parameters: the places of its parameters.
    :param places: the places that every parameter set yields to.
    """

    reference: str
    name: str
    api_version: str
    sites: tuple[str, ...]
    parameters: tuple[str, ...]
    places: tuple[str, ...]
