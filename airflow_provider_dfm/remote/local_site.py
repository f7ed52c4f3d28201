"""The process of a site of the local target. Its processes import this module from the session's private folder."""

from __future__ import annotations

import logging
import os
import pathlib
import pickle
from typing import Any

from nv_dfm_core.targets.local import _job_runner
from nv_dfm_core.targets.local._local_router import LocalRouter

from .plain_tokens import PlainYields
from .runner_words import SiteWords
from .value_store import VALUES, ValueStore
from .wind_down import mend_wind_down

# Beside the folder that the package is in, in the session's private one: see local_jobs.py.
VALUES_FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", VALUES)


class SiteProcess(_job_runner.JobRunner):
    """DFM's, with the mended net runner, results that are plain and come in order, and last words."""

    def run(self) -> None:
        # This package is in a folder beside those of the jobs: see local_jobs.py.
        self._logger.addHandler(SiteWords(str(pathlib.Path(__file__).parents[2])))
        # Which is what says it where no logger has a handler, as in a process of a spawn context.
        self._logger.addHandler(logging.lastResort or logging.NullHandler())
        mend_wind_down()
        # Taken by name for each job: nv_dfm_core/targets/local/_job_runner.py, run
        _job_runner.LocalRouter = SiteRouter
        super().run()


class SiteRouter(LocalRouter):
    """DFM's, except that what is yielded is made plain, and written at once."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        PlainYields(self, self._keep)

    def _keep(self, buffer: memoryview) -> dict[str, Any]:
        return ValueStore(os.path.join(VALUES_FOLDER, self.job_id)).keep(buffer)

    def _send_this_job_yield_token_package_sync(self, token_package: Any) -> None:
        """Write a result to the pipe that all sites write to; DFM leaves that to a thread.

        With it, what this site then sends to another can come first, and the other reports the end of a parameter set
        whose results still wait here.
        """
        queue = self._yield_queue
        # As multiprocessing/queues.py does, Queue.put and _feed.
        data = pickle.dumps(token_package)
        queue._sem.acquire()
        with queue._wlock:
            queue._writer.send_bytes(data)


def use_site_process() -> None:
    """Have the local target start these from now on."""
    # Imported by name for each job: nv_dfm_core/targets/local/_job_execution.py
    _job_runner.JobRunner = SiteProcess
