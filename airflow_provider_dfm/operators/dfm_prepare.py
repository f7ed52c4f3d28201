"""The operator that prepares a DFM pipeline, for other tasks to execute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook
from airflow_provider_dfm.hooks.locations import read_pipeline
from airflow_provider_dfm.hooks.no_retry import fails_for_good
from airflow_provider_dfm.hooks.shown_code import prepare_in_task
from airflow_provider_dfm.operators import argument_kinds as kinds
from airflow_provider_dfm.operators.argument_kinds import ArgumentKind
from airflow_provider_dfm.operators.arguments import TakesArguments, read_arguments, take_arguments
from airflow_provider_dfm.operators.iso_dates import IsoDatesOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_dfm.federation.prepared_pipeline import RestrictToSites


class DfmPrepareOperator(TakesArguments, IsoDatesOperator):
    """Prepares a pipeline once, for any number of tasks that execute it.

    The task's XCom is the URI of the prepared pipeline, kept below the connection's ``results_path``: give it to a
    :class:`DfmExecuteOperator` as its ``pipeline``, mapped or not, in any later task, DAG or run. Further XComs are
    ``api_version``, the version of the federation's API it was prepared for, and ``fingerprint``. A task that executes
    it when the federation's API, its operations or nv_dfm_core have changed since, or its sites no longer offer the
    operations, fails, and submits nothing.

    It logs in nowhere: it needs the federation's package and interpreter, and neither server nor startup kit.

    :param pipeline: path or URI of a pipeline's JSON file, its JSON, or ``"package.module:function"``, which is
        called in the federation's interpreter. Templated.
    :param pipeline_arguments: as :class:`DfmExecuteOperator` takes them. Templated.
    :param restrict_to_sites: as :class:`DfmExecuteOperator` takes it. Templated.
    :param debug: have DFM print what it does, and show the code that each site will run; both go to the task's log,
        folded. Templated.
    :param dfm_conn_id: the connection. Templated.
    """

    arguments: ClassVar[Mapping[str, ArgumentKind]] = {
        "pipeline": kinds.PIPELINE,
        "pipeline_arguments": kinds.FUNCTION_ARGUMENTS,
        "restrict_to_sites": kinds.RESTRICTION,
        "debug": kinds.FLAG,
        "dfm_conn_id": kinds.TEXT,
    }
    template_fields: Sequence[str] = ("pipeline", "pipeline_arguments", "restrict_to_sites", "debug", "dfm_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"pipeline_arguments": "json"}
    ui_color = "#e5f5e0"
    pipeline: str | Mapping[str, Any]
    pipeline_arguments: dict[str, Any] | None
    restrict_to_sites: RestrictToSites
    debug: bool
    dfm_conn_id: str

    def __init__(
        self,
        *,
        pipeline: str | Mapping[str, Any],
        pipeline_arguments: Mapping[str, Any] | None = None,
        restrict_to_sites: RestrictToSites = None,
        debug: bool = False,
        dfm_conn_id: str = DEFAULT_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        take_arguments(
            self,
            pipeline=pipeline,
            pipeline_arguments=pipeline_arguments,
            restrict_to_sites=restrict_to_sites,
            debug=debug,
            dfm_conn_id=dfm_conn_id,
        )

    @fails_for_good
    def execute(self, context: Context) -> str:
        read_arguments(self)
        pipeline = read_pipeline(self.pipeline)
        with DfmHook(self.dfm_conn_id).unconnected() as session:
            prepared = prepare_in_task(
                session, self.log, pipeline, self.restrict_to_sites, self.debug, self.pipeline_arguments
            )
            uri = str(session.keep_pipeline(prepared))
        self.log.info("Prepared pipeline %r for %s, kept at %s", prepared.name, ", ".join(prepared.sites), uri)
        context["ti"].xcom_push(key="api_version", value=prepared.api_version)
        context["ti"].xcom_push(key="fingerprint", value=prepared.fingerprint)
        return uri
