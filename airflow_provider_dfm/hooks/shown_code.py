"""Shows a task's reader what DFM does, and what each site will run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.pipeline import PipelineDefinition
    from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline, RestrictToSites
    from airflow_provider_dfm.federation.session import FederationSession
    from airflow_provider_dfm.hooks.dfm import DfmHook


@contextlib.contextmanager
def folded(title: str, log: Logger) -> Iterator[None]:
    """Fold what is logged meanwhile under a title, which the UI can open.

    :param title: what the folded lines are.
    :param log: the task's.
    """
    log.info("::group::%s", title)
    try:
        yield
    finally:
        log.info("::endgroup::")


def show_code(session: DfmHook | FederationSession, pipeline: PreparedPipeline, log: Logger) -> None:
    """Write the Python code that DFM generates for each site to the task's log, folded in the UI.

    The log stays over a deferral; rendered fields, the other place for it, are written anew when the task goes on.

    :param session: the connection's, open.
    :param pipeline: what it has prepared.
    :param log: the task's.
    """
    for site, code in sorted(session.debug_show_code(pipeline).items()):
        with folded(f"Code of site {site}", log):
            for line in code.splitlines():
                log.info("%s", line)


def prepare_in_task(
    session: DfmHook | FederationSession,
    log: Logger,
    pipeline: PipelineDefinition,
    restrict_to_sites: RestrictToSites,
    debug: bool,
    pipeline_arguments: Mapping[str, Any] | None,
) -> PreparedPipeline:
    """Prepare a pipeline in a task; with ``debug``, show what DFM does and the code that comes of it.

    :param session: the connection's, open.
    :param log: the task's.
    :param pipeline: see :meth:`DfmHook.prepare`, and so are the rest.
    """
    if not debug:
        return session.prepare(pipeline, restrict_to_sites, False, pipeline_arguments)
    # DFM prints more than a thousand lines.
    with folded("How DFM prepares the pipeline", log):
        prepared = session.prepare(pipeline, restrict_to_sites, True, pipeline_arguments)
    show_code(session, prepared, log)
    return prepared
