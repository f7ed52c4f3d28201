"""Pipelines of mode discovery, which ask the sites what values the operations' parameters may have."""

from __future__ import annotations

from typing import Any

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.operation_schema import parameter_names
from airflow_provider_dfm.remote.parameter_places import statements_of
from airflow_provider_dfm.remote.ready_pipeline import ReadyPipeline

USED_BY = {
    "execute": "It asks for advice: give it to DfmDiscoverOperator or discover().",
    "discovery": "It does the work itself: build it with Pipeline(mode='discovery') to ask for advice.",
}


def check_mode(pipeline: Any, mode: str) -> None:
    """Refuse a pipeline of the other mode.

    :param pipeline: an ``nv_dfm_core.api.Pipeline``.
    :param mode: the one that is wanted.
    :raises NamedError: PipelineError.
    """
    if pipeline.mode != mode:
        raise NamedError(
            "PipelineError",
            f"The pipeline {pipeline.name!r} has the mode {pipeline.mode}, not {mode}. {USED_BY[mode]}",
        )


def discovery_of(pipeline: Any, prepared: Any, api_version: str) -> ReadyPipeline:
    """What has to be known of a pipeline of mode discovery, besides what DFM made of it.

    Its ``discovery`` has the ``sites`` that have to answer, and the ``operations`` by their nodes: each has a
    ``name``, its ``site`` or None where that is left open, and under ``places`` which of its fields are parameters of
    the pipeline.

    :param pipeline: the ``nv_dfm_core.api.Pipeline``.
    :param prepared: what DFM made of it; its sites are made to report the errors of their advisors.
    :param api_version: version of the federation's API.
    :raises NamedError: PipelineError, no site would be asked.
    """
    from nv_dfm_core.api import DISCOVERY_PLACE_NAME

    net_irs = prepared.net_irs()
    if not net_irs:
        raise NamedError("PipelineError", f"The pipeline {pipeline.name!r} has no operation to ask advice for.")
    operations = {
        str(statement.dfm_node_id.ident): {
            "name": statement.__api_name__,
            "site": statement.site if isinstance(statement.site, str) else None,
            "places": {
                name: value.place
                for name in parameter_names(type(statement))
                if hasattr(value := getattr(statement, name), "place")
            },
        }
        for statement in statements_of(pipeline)
        if hasattr(statement, "__api_name__")
    }
    for net_ir in net_irs.values():
        _report_errors(net_ir, prepared.homesite)
    discovery = {"sites": sorted(net_irs), "operations": operations}
    return ReadyPipeline(prepared, api_version, [DISCOVERY_PLACE_NAME], {}, {}, {}, discovery)


def _report_errors(net_ir: Any, homesite: str) -> None:
    """Send what an advisor raised where its advice would have gone, and go on.

    DFM has nothing in that place, so the site's advice would be missing without a word, and with it the pipeline's
    end: nv_dfm_core/gen/irgen/visitors/_graph_to_discovery_ir_translator.py, ``assemble_transitions``.
    """
    from nv_dfm_core.api import DISCOVERY_PLACE_NAME
    from nv_dfm_core.gen.modgen.ir import SendDiscoveryStmt, StmtRef, TokenSend

    for transition in net_ir.transitions:
        if any(isinstance(statement, SendDiscoveryStmt) for statement in transition.fire_body):
            error = TokenSend(
                job=None,
                site=homesite,
                place=DISCOVERY_PLACE_NAME,
                is_yield=True,
                kind="control",
                # As a dict: as a model, it would be an error of the job.
                data=StmtRef(stmt_id="_error_", sel="model_dump(mode='json')", issubs=False),
                node_id=None,
            )
            rest = [statement for statement in transition.fire_body if isinstance(statement, TokenSend)]
            transition.signal_error_body = [error, *rest]
