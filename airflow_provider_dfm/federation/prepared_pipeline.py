"""A pipeline that a session has prepared, and how it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from airflow_provider_dfm.federation.parameter_model import parameter_set_model
from airflow_provider_dfm.federation.whole_files import whole_file

# The first key of a kept pipeline's JSON.
PREPARED = "prepared_pipeline"

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
    :param fingerprint: SHA-256 over all that its preparation gave, in hexadecimal.
    :param parameter_schema: the JSON schema of its parameter sets.
    """

    reference: str
    name: str
    api_version: str
    sites: tuple[str, ...]
    parameters: tuple[str, ...]
    places: tuple[str, ...]
    fingerprint: str
    parameter_schema: dict[str, Any] = field(hash=False, default_factory=dict)

    def parameter_set_model(self) -> type[BaseModel]:
        """A pydantic model of its parameter sets, to build and check them by; see :func:`parameter_set_model`.

        .. code-block:: python

            Parameters = hook.prepare("pipelines:compare").parameter_set_model()
            hook.execute("pipelines:compare", Parameters(start="2010-01-01", end=datetime.date(2010, 1, 31)))
        """
        return parameter_set_model(self.parameter_schema)


def keep_prepared_pipeline(plain: Mapping[str, Any], fingerprint: str, folder: Any) -> Any:
    """Keep a prepared pipeline, for whoever executes it later.

    :param plain: what the session host made of it.
    :param fingerprint: names the file: the same preparation has the same file.
    :param folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :return: the file. Beside it, ``<fingerprint>.parameters.json`` has the schema of its parameter sets.
    """
    path = folder / f"{fingerprint}.json"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{fingerprint}.parameters.json") as file:
            file.write(json.dumps(plain["parameter_schema"], indent=2).encode())
        with whole_file(path) as file:
            file.write(json.dumps({PREPARED: plain}).encode())
    return path


def is_prepared_pipeline(text: str) -> bool:
    """Whether a file holds a pipeline that was prepared, and not one that is to be."""
    return text.startswith(f'{{"{PREPARED}":')
