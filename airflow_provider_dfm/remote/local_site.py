"""The process of a site of the local target. Its processes import this module from the session's private folder."""

from __future__ import annotations

from nv_dfm_core.targets.local import _job_runner

from .wind_down import mend_wind_down


class SiteProcess(_job_runner.JobRunner):
    """DFM's, with the mended net runner."""

    def run(self) -> None:
        mend_wind_down()
        super().run()


def use_site_process() -> None:
    """Have the local target start these from now on."""
    # Imported by name for each job: nv_dfm_core/targets/local/_job_execution.py
    _job_runner.JobRunner = SiteProcess
