"""A pipeline that DFM has prepared, with all that is needed to run it later: in this process, or in another one."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.federation_api import Offers
from airflow_provider_dfm.remote.library_version import installed_version
from airflow_provider_dfm.remote.operation_schema import json_schema, literal_type, load_operation, parameter_names
from airflow_provider_dfm.remote.parameter_places import certain_places, parameter_fields, statements_of
from airflow_provider_dfm.remote.parameter_schema import parameter_set_schema

ADDRESS = re.compile(r" at 0x[0-9a-f]+")


@dataclass
class ReadyPipeline:
    """What :meth:`DfmSession.prepare` gives.

    :param prepared: an ``nv_dfm_core.api.PreparedPipeline``; its ``api_version`` is the pipeline's own, if it has one.
    :param api_version: version of the federation's API.
    :param places: the yield places that get a value for every parameter set.
    :param parameters: where the value of each parameter place goes, see ``parameter_places.parameter_fields``.
    :param operations: the operations it uses, each with a SHA-256 of its fields.
    :param parameter_schema: the JSON schema of its parameter sets.
    :param discovery: of a pipeline of mode discovery: see ``discovery.discovery_of``.
    :param given: a SHA-256 over what its author gave: the pipeline, and the sites that it may use; ``""`` for one that
        was kept by a release of this provider that did not note it.
    """

    prepared: Any
    api_version: str
    places: list[str]
    parameters: dict[str, list[dict[str, str]]]
    operations: dict[str, str]
    parameter_schema: dict[str, Any]
    discovery: dict[str, Any] | None = None
    given: str = ""

    @classmethod
    def of(cls, pipeline: Any, prepared: Any, api_version: str) -> ReadyPipeline:
        """Note what has to be known of a pipeline besides what DFM made of it.

        :param pipeline: the ``nv_dfm_core.api.Pipeline``.
        :param prepared: what DFM made of it.
        :param api_version: version of the federation's API.
        """
        taken = parameter_fields(pipeline)
        operations = {_path(type(statement)) for statement in statements_of(pipeline) if hasattr(statement, "site")}
        places = _parameter_places(prepared)
        parameters = {
            place: taken.get(place, []) for place in (*taken, *sorted(places - taken.keys())) if place in places
        }
        return cls(
            prepared=prepared,
            api_version=api_version,
            places=certain_places(pipeline),
            parameters=parameters,
            operations={path: _fields(load_operation(path)) for path in sorted(operations)},
            parameter_schema=parameter_set_schema(parameters),
        )

    def as_plain(self) -> dict[str, Any]:
        """All of it as JSON knows it."""
        prepared = self.prepared
        # The server's own may have been added by an execution, without anything to do.
        net_irs = [net_ir for _, net_ir in sorted(prepared.net_irs().items()) if net_ir.transitions]
        plain = {
            "name": prepared.pipeline_name,
            "federation": prepared.federation_module,
            "homesite": prepared.homesite,
            "api_version": self.api_version,
            "pipeline_api_version": prepared.api_version,
            "nv_dfm_core": installed_version("nv_dfm_core", "nv-dfm-core"),
            "places": self.places,
            "parameters": self.parameters,
            "operations": self.operations,
            "parameter_schema": self.parameter_schema,
            "net_irs": [net_ir.model_dump(mode="json") for net_ir in net_irs],
            # PreparedPipeline has no public way to them: nv_dfm_core/api/_prepared_pipeline.py
            "yield_places": [place.model_dump(mode="json") for place in prepared._yield_places],
        }
        return plain | {"given": self.given} if self.given else plain

    def fingerprint(self) -> str:
        """A SHA-256 over all of it, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.as_plain(), sort_keys=True).encode()).hexdigest()


def read_ready_pipeline(plain: dict[str, Any], today: dict[str, str], offers: Offers) -> ReadyPipeline:
    """Make it of what :meth:`ReadyPipeline.as_plain` gave, as long as the federation is what it was.

    :param plain: what it gave.
    :param today: the session's ``federation`` and ``homesite``, and the versions ``api_version`` and ``nv_dfm_core``.
    :param offers: what the federation's sites offer today.
    :raises NamedError: VersionMismatch, PipelineError.
    """
    from nv_dfm_core.api import PreparedPipeline
    from nv_dfm_core.gen.modgen.ir import NetIR, YieldPlace

    try:
        _check(plain, today)
        net_irs = [NetIR.model_validate(net_ir) for net_ir in plain["net_irs"]]
        _refuse(plain, _missing(net_irs, offers))
        prepared = PreparedPipeline(
            api_version=plain["pipeline_api_version"],
            federation_module_name=plain["federation"],
            homesite=plain["homesite"],
            pipeline_name=plain["name"],
            net_irs=net_irs,
            yield_places=[YieldPlace.model_validate(place) for place in plain["yield_places"]],
        )
        return ReadyPipeline(
            prepared,
            plain["api_version"],
            plain["places"],
            plain["parameters"],
            plain["operations"],
            plain["parameter_schema"],
            given=plain.get("given", ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise NamedError(
            "PipelineError", f"This is no prepared pipeline that can be read: {type(error).__name__}: {error}"
        ) from error


def _check(plain: dict[str, Any], today: dict[str, str]) -> None:
    changes = [
        f"{name} was {plain[name]!r} then and is {now!r} now" for name, now in today.items() if plain[name] != now
    ]
    # Elsewhere nothing is known of the operations.
    if not changes:
        changes = [
            f"the operation {path} has other fields than then, or is gone"
            for path, fields in plain["operations"].items()
            if _fields_today(path) != fields
        ]
    _refuse(plain, changes)


def _missing(net_irs: list[Any], offers: Offers) -> list[str]:
    """What the sites of a pipeline no longer have of it."""
    missing = []
    for net_ir in net_irs:
        if net_ir.site not in offers:
            missing.append(f"the site {net_ir.site} is gone")
            continue
        # Of DFM's statements, those that call an operation have an adapter.
        called = {
            (statement.provider, statement.adapter)
            for transition in net_ir.transitions
            for statement in transition.fire_body
            if hasattr(statement, "adapter")
        }
        for provider, operation in sorted(called - offers[net_ir.site], key=str):
            by = f" by its provider {provider}" if provider else ""
            missing.append(f"the site {net_ir.site} no longer offers {operation}{by}")
    return missing


def _refuse(plain: dict[str, Any], changes: list[str]) -> None:
    if changes:
        raise NamedError(
            "VersionMismatch",
            f"The pipeline {plain['name']!r} was prepared for another state of the federation: {'; '.join(changes)}. "
            "Prepare it again.",
        )


def _parameter_places(prepared: Any) -> set[str]:
    places: set[str] = set()
    for net_ir in prepared.net_irs().values():
        places |= net_ir.find_places(kind="data", origin="external")
    return places


def _path(operation: type) -> str:
    return f"{operation.__module__}.{operation.__qualname__}"


def _fields_today(path: str) -> str:
    try:
        return _fields(load_operation(path))
    except (ImportError, AttributeError):
        return ""


def _shown(value: Any) -> str:
    """A value for people, without an address, which is another one in each process."""
    return ADDRESS.sub("", repr(value))


def _fields(operation: Any) -> str:
    fields = {}
    for name in parameter_names(operation):
        kind, field = literal_type(operation, name), operation.model_fields[name]
        # The schema has an enum's values, and the annotation has what JSON cannot say.
        fields[name] = [json_schema(kind), _shown(field.annotation), _shown(field.default)]
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
