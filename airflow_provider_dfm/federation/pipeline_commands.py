"""The commands of a session that prepare pipelines, and describe the federation they are for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.errors import ConnectionSettingsError, PipelineError
from airflow_provider_dfm.federation.federation_api import FederationApi
from airflow_provider_dfm.federation.open_session import OpenSession
from airflow_provider_dfm.federation.pipeline import PipelineDefinition, pipeline_source
from airflow_provider_dfm.federation.prepared_pipeline import (
    PreparedPipeline,
    RestrictToSites,
    keep_prepared_pipeline,
    read_restriction,
    refuse_preparation,
)

# Below results_path; jobs' folders are named by their ids.
PIPELINES = "pipelines"
PREPARE_SECONDS = 120.0


class PipelineCommands:
    """The methods of DFM's ``Session`` that come before a job: no server is asked.

    :param session: the open session host.
    :param results_path: folder that keeps prepared pipelines; None: there is none.
    """

    def __init__(self, session: OpenSession, results_path: Any) -> None:
        self._session = session
        self._results_path = results_path

    def describe_federation(self) -> FederationApi:
        """What the federation's package says of its API: version, sites, operations. Asks no server.

        :raises ConnectionSettingsError: the connection names no federation, or its package is not whole.
        """
        if not self._session.settings.federation:
            raise ConnectionSettingsError("There is no API to describe: set federation and homesite in the connection.")
        return read_answer(FederationApi, self._session.ask("federation_api"), "federation_api")

    def prepare(
        self,
        pipeline: PipelineDefinition,
        restrict_to_sites: RestrictToSites = None,
        debug: bool = False,
        pipeline_arguments: Mapping[str, Any] | None = None,
    ) -> PreparedPipeline:
        """Prepare a pipeline.

        :param pipeline: path of a pipeline's JSON file, its JSON as text or dict, or
            ``"package.module:function"``, which is called in the federation's interpreter; or the path of a file
            that :meth:`keep_pipeline` wrote.
        :param restrict_to_sites: ``"homesite"`` or a list of sites it may use; None: all.
        :param debug: have DFM tell its steps in the log.
        :param pipeline_arguments: keyword arguments of the function.
        :raises PipelineError: it cannot be read, built or prepared.
        :raises VersionMismatch: it was prepared before, and the federation is not what it was then.
        """
        source = pipeline_source(pipeline, pipeline_arguments)
        if "prepared" in source:
            refuse_preparation(restrict_to_sites)
        return self._prepare(source, restrict_to_sites, debug, "execute")

    def prepare_discovery(
        self,
        pipeline: PipelineDefinition,
        restrict_to_sites: RestrictToSites = None,
        pipeline_arguments: Mapping[str, Any] | None = None,
    ) -> PreparedPipeline:
        """Prepare a pipeline of mode discovery, which asks the sites' advisors.

        :meth:`FederationSession.discover` reads what they say.

        :param pipeline: as :meth:`prepare` takes it, but not one that was kept.
        :param restrict_to_sites: see :meth:`prepare`.
        :param pipeline_arguments: see :meth:`prepare`.
        :raises PipelineError: it cannot be read, built or prepared, or has the mode execute.
        """
        source = pipeline_source(pipeline, pipeline_arguments)
        if "prepared" in source:
            raise PipelineError("The pipeline was prepared to be executed: give its definition to ask for advice.")
        return self._prepare(source, restrict_to_sites, False, "discovery")

    def keep_pipeline(self, pipeline: PreparedPipeline) -> Any:
        """Keep a prepared pipeline below ``results_path``, as ``pipelines/<fingerprint>.json``.

        :return: the file. :meth:`FederationSession.execute` takes it, in any session of this federation and home site,
            as long as the versions of the federation's API and of nv_dfm_core, and the operations, are what they are
            now, and its sites offer them.
        :raises ConnectionSettingsError: the session has no ``results_path``.
        """
        if self._results_path is None:
            raise ConnectionSettingsError("A prepared pipeline is kept below results_path, and the session has none.")
        plain = self._session.ask("prepared", PREPARE_SECONDS, reference=pipeline.reference)
        return keep_prepared_pipeline(plain, pipeline.fingerprint, self._results_path / PIPELINES)

    def debug_show_code(self, pipeline: PreparedPipeline) -> dict[str, str]:
        """The Python code that each site will run, by site."""
        answer = self._session.ask("debug_show_code", PREPARE_SECONDS, reference=pipeline.reference)
        return read_answer(dict[str, str], answer, "debug_show_code")

    def _prepare(
        self, source: dict[str, Any], restrict_to_sites: RestrictToSites, debug: bool, mode: str
    ) -> PreparedPipeline:
        sites = read_restriction(restrict_to_sites)
        answer = self._session.ask(
            "prepare", PREPARE_SECONDS, source=source, restrict_to_sites=sites, debug=debug, mode=mode
        )
        return read_answer(PreparedPipeline, answer, "prepare")
