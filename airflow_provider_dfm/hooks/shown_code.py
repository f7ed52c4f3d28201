"""Shows a task's reader what each site will run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk.types import Logger

    from airflow_provider_dfm.federation.prepared_pipeline import PreparedPipeline
    from airflow_provider_dfm.hooks.dfm import DfmHook


def show_code(hook: DfmHook, pipeline: PreparedPipeline, log: Logger) -> None:
    """Write the Python code that DFM generates for each site to the task's log, folded in the UI.

    The log stays over a deferral; rendered fields, the other place for it, are written anew when the task goes on.

    :param hook: the connection's, open.
    :param pipeline: what it has prepared.
    :param log: the task's.
    """
    for site, code in sorted(hook.debug_show_code(pipeline).items()):
        log.info("::group::Code of site %s", site)
        for line in code.splitlines():
            log.info("%s", line)
        log.info("::endgroup::")
