"""Two sessions that submit one folder at once, with one kit, where neither folder nor kit may be written to.

As a program, it is one of them: it takes the session's settings as JSON and the job's folder, and prints the job's id.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from tests.versions.modes_count import contents, make_read_only, run_where_modes_count
from tests.versions.trial_jobs import make_job


class ReadOnlyJobs:
    """Submits them.

    :param kit: the startup kit.
    :param make_fields: makes a session's settings.
    :param folder: where kit and job are copied to.
    """

    def __init__(self, kit: Path, make_fields: Callable[..., dict[str, Any]], folder: Path) -> None:
        self._folders = (
            make_job(folder, "read only"),
            # As provisioning makes it: the client library would add the folder.
            shutil.copytree(kit, folder / "kit", ignore=shutil.ignore_patterns("transfer")),
        )
        for each in self._folders:
            make_read_only(each)
        self._before = self._contents()
        arguments = json.dumps(make_fields(startup_kit=str(folder / "kit"))), str(folder / "read only")
        with ThreadPoolExecutor() as pool:
            answers = [pool.submit(run_where_modes_count, __name__, *arguments) for _ in range(2)]
            self.ids = [answer.result().strip() for answer in answers]

    def are_untouched(self) -> bool:
        """Whether job and kit are byte for byte what they were, with the same times."""
        return self._contents() == self._before

    def _contents(self) -> list[dict[str, tuple[bytes | None, int]]]:
        return [contents(folder) for folder in self._folders]


def main() -> None:
    """Submit the job."""
    fields, job = json.loads(sys.argv[1]), sys.argv[2]
    for folder in (fields["startup_kit"], job):
        assert not os.access(folder, os.W_OK), f"{folder} may be written to: this shows nothing"
    with FederationSession(read_settings(fields, "test")) as session:
        print(session.submit_job(job).job_id)


if __name__ == "__main__":
    main()
