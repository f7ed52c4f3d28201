"""A pipeline that a session has prepared, and how it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.parameter_model import parameter_set_model
from airflow_provider_dfm.federation.storage import reading, writing
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


def read_restriction(restrict_to_sites: Any) -> RestrictToSites:
    """Which sites a pipeline may use, as a user or a template gave them.

    :param restrict_to_sites: ``"homesite"``, the names of sites, or None for all.
    :raises PipelineError: it is none of these, or names no site.
    """
    if restrict_to_sites is None or restrict_to_sites == "homesite":
        return restrict_to_sites  # type: ignore[no-any-return]
    if isinstance(restrict_to_sites, str):
        raise PipelineError(
            f'restrict_to_sites is the text {restrict_to_sites!r}: give "homesite" or a list of sites. A template '
            "gives text, unless the DAG has render_template_as_native_obj."
        )
    # What mapped tasks gave is a sequence of Airflow's own.
    names = list(restrict_to_sites) if isinstance(restrict_to_sites, Sequence) else None
    if names is None or not all(isinstance(name, str) for name in names):
        raise PipelineError(f'restrict_to_sites is {restrict_to_sites!r}: give "homesite" or a list of sites.')
    if not names:
        raise PipelineError(
            "restrict_to_sites is an empty list, which allows no site: no operation could run. Leave it out to allow "
            "all sites."
        )
    return names


def refuse_preparation(restrict_to_sites: Any, pipeline_arguments: Mapping[str, Any] | None = None) -> None:
    """Refuse what would have to be known before the pipeline was prepared.

    :param restrict_to_sites: None where it was not given.
    :param pipeline_arguments: None or empty where they were not given.
    :raises PipelineError: one of them was.
    """
    given = {"restrict_to_sites": restrict_to_sites is not None, "pipeline_arguments": bool(pipeline_arguments)}
    names = [name for name, is_given in given.items() if is_given]
    if names:
        raise PipelineError(
            f"The pipeline is prepared already, and {' and '.join(names)} would change nothing: give that when it is "
            "prepared."
        )


def keep_prepared_pipeline(plain: Mapping[str, Any], fingerprint: str, folder: Any) -> Any:
    """Keep a prepared pipeline, for whoever executes it later.

    :param plain: what the session host made of it.
    :param fingerprint: names the file: the same preparation has the same file.
    :param folder: a ``pathlib.Path`` or one of its kin, such as Airflow's ``ObjectStoragePath``.
    :return: the file. Beside it, ``<fingerprint>.parameters.json`` has the schema of its parameter sets.
    :raises StorageFailed: it cannot be written.
    """
    path = folder / f"{fingerprint}.json"
    with reading(path):
        is_kept = path.exists()
    if not is_kept:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / f"{fingerprint}.parameters.json") as file:
            file.write(json.dumps(plain["parameter_schema"], indent=2).encode())
        with whole_file(path) as file:
            file.write(json.dumps({PREPARED: plain}).encode())
    return path


def is_prepared_pipeline(text: str) -> bool:
    """Whether a file holds a pipeline that was prepared, and not one that is to be."""
    return text.startswith(f'{{"{PREPARED}":')
