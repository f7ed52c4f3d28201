"""The DFM session, in the federation's interpreter: from a pipeline to a job that can be submitted."""

from __future__ import annotations

import importlib
import uuid
from typing import Any

from airflow_provider_dfm.remote.bound_pipeline import SERVER, BoundPipeline
from airflow_provider_dfm.remote.canonical_form import digest
from airflow_provider_dfm.remote.discovery import check_mode, discovery_of
from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.federation_api import read_offers
from airflow_provider_dfm.remote.library_version import installed_version
from airflow_provider_dfm.remote.open_sites import OpenSites
from airflow_provider_dfm.remote.parameter_places import check_parameter_sets, statements_of
from airflow_provider_dfm.remote.pipeline_source import build_pipeline
from airflow_provider_dfm.remote.preparation_order import keep_order, sort_candidates
from airflow_provider_dfm.remote.ready_pipeline import ReadyPipeline, read_ready_pipeline
from airflow_provider_dfm.remote.statement_checks import check_sites, check_statements, check_yields


class DfmSession:
    """Prepares pipelines for one federation.

    :param settings: ``federation``, ``homesite``, ``target``.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._session: Any = None
        self._ready: dict[str, ReadyPipeline] = {}

    @property
    def session(self) -> Any:
        """The ``nv_dfm_core`` session; preparing needs no connection."""
        if self._session is None:
            if not self._settings["federation"]:
                raise NamedError(
                    "ConnectionSettingsError",
                    "Pipelines need a DFM federation: set federation and homesite in the connection.",
                )
            from nv_dfm_core.session import Session

            keep_order()
            self._session = Session(
                self._settings["federation"], self._settings["homesite"], target=self._settings["target"]
            )
        return self._session

    def describe_federation(self) -> dict[str, Any]:
        """Which federation this is, once its package is known to load.

        :return: ``nv_dfm_core``, ``api_version``, ``federation``, ``homesite``.
        :raises NamedError: ConnectionSettingsError, when the federation or its home site cannot be imported.
        """
        federation, homesite = self._settings["federation"], self._settings["homesite"]
        self._import("nv_dfm_core", "the connection's python has no nv_dfm_core, which pipelines need")
        self._import(federation, f"there is no federation package {federation!r} on the connection's python_path")
        self._import(f"{federation}.fed.runtime", f"the package {federation!r} has no generated federation code")
        name = f"{federation}.fed.runtime.{homesite}"
        runtime = self._import(name, f"the federation {federation!r} has no site {homesite!r}")
        return {
            "nv_dfm_core": installed_version("nv_dfm_core", "nv-dfm-core"),
            "api_version": runtime.API_VERSION,
            "federation": federation,
            "homesite": homesite,
        }

    def _import(self, name: str, otherwise: str) -> Any:
        try:
            return importlib.import_module(name)
        except Exception as error:
            raise NamedError(
                "ConnectionSettingsError",
                f"The DFM session cannot start: {otherwise} ({type(error).__name__}: {error}). Check the "
                "connection's federation, homesite, python and python_path.",
            ) from error

    def prepare(
        self, source: dict[str, Any], restrict_to_sites: Any, debug: bool, mode: str = "execute"
    ) -> dict[str, Any]:
        """Prepare a pipeline, or take one that was prepared before, and keep it under a reference.

        :param source: see :func:`build_pipeline`; or ``{"prepared": plain}``, what :meth:`prepared` gave.
        :param restrict_to_sites: ``"homesite"``, a list of sites, or None.
        :param debug: passed on to DFM, which then prints its steps.
        :param mode: the mode that the pipeline has to have, ``execute`` or ``discovery``.
        :return: ``reference``, ``name``, ``api_version``, ``sites``, ``parameters``, ``places``,
            ``fingerprint`` and ``parameter_schema``.
        :raises NamedError: PipelineError, VersionMismatch.
        """
        if "prepared" in source:
            ready = self._read(source["prepared"])
        else:
            pipeline = build_pipeline(source)
            check_mode(pipeline, mode)
            ready = self._prepare(pipeline, restrict_to_sites, debug)
        prepared = ready.prepared
        sites = sorted(prepared.net_irs())
        if not sites:
            raise NamedError(
                "PipelineError",
                f"The pipeline {prepared.pipeline_name!r} is empty: no site would have anything to do. Give it an "
                "operation, and yield its result.",
            )
        if self._settings["target"] == "flare":
            self._check_flare_sites(sites)
        reference = str(uuid.uuid4())
        self._ready[reference] = ready
        return {
            "reference": reference,
            "name": prepared.pipeline_name or "",
            "api_version": ready.api_version,
            "sites": sites,
            "parameters": sorted(ready.parameters),
            "places": sorted(set(ready.places)),
            "fingerprint": ready.fingerprint(),
            "parameter_schema": ready.parameter_schema,
        }

    def prepared(self, reference: str) -> dict[str, Any]:
        """A prepared pipeline as plain data, from which :meth:`prepare` makes it again, in another process too."""
        return self._prepared_here(reference).as_plain()

    def _prepared_here(self, reference: str) -> ReadyPipeline:
        if reference not in self._ready:
            raise NamedError(
                "PipelineError",
                "The pipeline was prepared in another session, or one that has ended. Prepare it again; or keep it "
                "with keep_pipeline while its session is open, and give the file, which any session can execute.",
            )
        return self._ready[reference]

    def _prepare(self, pipeline: Any, restrict_to_sites: Any, debug: bool) -> ReadyPipeline:
        offers = read_offers(self._settings["federation"])
        sites = sorted(offers)
        check_sites(pipeline, sites)
        session = self.session
        allowed = self._allowed(restrict_to_sites, sites)
        # Results go to the home site, and DFM stumbles where that is not among them ("Destination node ... is not in
        # sites": nv_dfm_core/gen/irgen/graph/_graph.py).
        homesite, target = self._settings["homesite"], self._settings["target"]
        candidates = sorted({*allowed, homesite})
        check_statements(pipeline, candidates, target)
        sort_candidates(statements_of(pipeline))
        # Without a restriction it is the federation that says which sites there are, and not the author.
        given = digest([pipeline, None if restrict_to_sites is None else candidates])
        OpenSites(pipeline, allowed, offers, target, homesite).settle()
        try:
            prepared = session.prepare(pipeline, restrict_to_sites=candidates, debug=debug)
        except Exception as error:
            raise NamedError(
                "PipelineError",
                f"DFM cannot prepare the pipeline for federation {self._settings['federation']!r}: "
                f"{type(error).__name__}: {error}",
            ) from error
        # Not what prepared has: the pipeline's own stays, where it has one.
        api_version = session.runtime_module.API_VERSION
        if pipeline.mode == "discovery":
            ready = discovery_of(pipeline, prepared, api_version)
        else:
            check_yields(pipeline, prepared)
            ready = ReadyPipeline.of(pipeline, prepared, api_version)
        ready.given = given
        return ready

    def _allowed(self, restrict_to_sites: Any, sites: list[str]) -> list[str]:
        """The sites that a pipeline's operations may use."""
        homesite = self._settings["homesite"]
        wanted = sites if restrict_to_sites is None else restrict_to_sites
        if wanted == "homesite":
            wanted = [homesite]
        unknown = sorted(set(wanted) - set(sites))
        if unknown:
            raise NamedError(
                "PipelineError",
                f"restrict_to_sites names {', '.join(unknown)}, but the federation has {', '.join(sites)}.",
            )
        # FLARE has no part of a job for the home site.
        allowed = sorted(set(wanted) - ({homesite} if self._settings["target"] == "flare" else set()))
        if not allowed:
            raise NamedError(
                "PipelineError",
                f"restrict_to_sites leaves the pipeline the home site {homesite!r} alone, where operations run with "
                f"the target local only. Restrict it to other sites; the federation has {', '.join(sites)}.",
            )
        return allowed

    def _read(self, plain: dict[str, Any]) -> ReadyPipeline:
        return read_ready_pipeline(plain, self.describe_federation(), read_offers(self._settings["federation"]))

    def _check_flare_sites(self, sites: list[str]) -> None:
        homesite = self._settings["homesite"]
        if homesite in sites:
            raise NamedError(
                "PipelineError",
                f"An operation of the pipeline runs on the home site {homesite!r}, which DFM can only do with the "
                "target local. Give the operation another site.",
            )
        if sites == [SERVER]:
            raise NamedError(
                "PipelineError",
                "All operations of the pipeline run on the server, but FLARE takes no job without a site "
                "(min_clients 0 must be positive). Give one operation another site.",
            )

    def debug_show_code(self, reference: str) -> dict[str, str]:
        """The Python code that each site will run."""
        return dict(self.session.debug_show_code(self._prepared_here(reference).prepared))

    def bind(
        self,
        reference: str,
        input_params: list[dict[str, Any]],
        autostop: bool,
        set_numbers: list[int] | None = None,
        continues: str | None = None,
    ) -> BoundPipeline:
        """Check the parameter sets and bind them to a prepared pipeline.

        :param set_numbers: see :class:`BoundPipeline`.
        :param continues: see there.
        :raises NamedError: ParameterSetError, PipelineError.
        """
        ready = self._prepared_here(reference)
        return BoundPipeline(
            ready.prepared,
            check_parameter_sets(input_params, ready.parameters),
            ready.places,
            ready.parameters,
            autostop,
            ready.discovery,
            ready.given,
            set_numbers,
            continues,
        )
