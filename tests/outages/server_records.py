"""What the FLARE server itself writes down: the commands it was sent, and the jobs it stores.

The tests count by it, so that what is tested does not count itself.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_dfm.federation.session import FederationSession
from demo.flare_poc import SERVER, FlarePoc

LOG_IN = "_cert_login"
LIST_JOBS = "list_jobs"
GET_JOB_META = "get_job_meta"
# get_system_info; the server is asked for it by and by, to find jobs that it lists as running and no longer runs.
CHECK_STATUS = "check_status"
COMPLETED = "FINISHED:COMPLETED"
_ACTION = re.compile(r"\[A:(?:\w+\.)?(\w+)")


@dataclass(frozen=True)
class AdminCommands:
    """The admin commands that a server was sent, from its audit log.

    Left out by nvflare: the fetching of the command list at a log-in, and checks of a session
    (nvflare/fuel/sec/audit.py, EXCLUDED_ACTIONS).

    :param federation: the federation.
    :param start: where in the log to begin, in bytes.
    """

    federation: FlarePoc
    start: int = 0

    @classmethod
    def from_now(cls, federation: FlarePoc) -> AdminCommands:
        """Those that come from now on."""
        return cls(federation, _audit_log(federation).stat().st_size)

    def names(self) -> list[str]:
        """Their names in the order they came, such as ``list_jobs``."""
        with _audit_log(self.federation).open("rb") as log:
            log.seek(self.start)
            lines = log.read().decode().splitlines()
        return [found[1] for line in lines if "[U:" in line and (found := _ACTION.search(line))]


def stored_jobs(federation: FlarePoc) -> dict[str, dict[str, Any]]:
    """The meta of each job that the server stores, by job id."""
    return {path.parent.name: json.loads(path.read_text()) for path in _jobs(federation).glob("*/meta")}


def forget_jobs(federation: FlarePoc) -> None:
    """Empty the store of a server that is not running."""
    for job in _jobs(federation).iterdir():
        shutil.rmtree(job)


def _jobs(federation: FlarePoc) -> Path:
    # nvflare/app_common/storages/filesystem_storage.py
    return federation.folder / "workspace" / "storage" / "jobs-storage"


def active_jobs(federation: FlarePoc) -> list[str]:
    """The ids of the stored jobs that have not ended."""
    return [job_id for job_id, meta in stored_jobs(federation).items() if not meta["status"].startswith("FINISHED")]


def completed_values(federation: FlarePoc, session: FederationSession, start: str) -> dict[str, str]:
    """What each completed job of one run answered, by job id.

    :param session: an open one that keeps no results, so that each is brought from the server.
    :param start: how the values of the run begin.
    """
    completed = [job_id for job_id, meta in stored_jobs(federation).items() if meta["status"] == COMPLETED]
    values = {}
    for job_id in completed:
        (result,) = session.reattach(job_id).results()
        if str(result.value).startswith(start):
            values[job_id] = result.value
    return values


def _audit_log(federation: FlarePoc) -> Any:
    return federation.kits / SERVER / "audit.log"
