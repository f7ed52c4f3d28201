"""The results of a session's jobs: brought from the federation once, and kept."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.answers import read_answer
from airflow_provider_dfm.federation.continued_job import merge, sets_to_repeat, without_earlier
from airflow_provider_dfm.federation.downloaded_job import DOWNLOAD, DownloadedJob, find_download, keep_download
from airflow_provider_dfm.federation.errors import (
    ConnectionSettingsError,
    JobMetaError,
    JobNotFound,
    PermanentFederationError,
    ResultsIncomplete,
)
from airflow_provider_dfm.federation.host_process import Log
from airflow_provider_dfm.federation.job_download import download_stored_job
from airflow_provider_dfm.federation.job_ends import check_status
from airflow_provider_dfm.federation.job_files import Patterns
from airflow_provider_dfm.federation.job_identity import check_job_id, is_same_content
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.open_session import OpenSession
from airflow_provider_dfm.federation.results import (
    FederationResults,
    is_pipeline_job,
    read_downloaded_job,
)
from airflow_provider_dfm.federation.results_folder import keep_results, note_acceptance, read_kept_results

# Each try of a task continues the one before, and what is kept of one has all that came before it.
MAX_CONTINUED = 100


class Brought(BaseModel, frozen=True):
    """What the session host says of a job that it has downloaded.

    :param location: the folder, in the session's private one.
    """

    location: Path


class JobResults:
    """Brings results, and keeps them where there is a place for them.

    :param session: the open session.
    :param get_job_meta: asks for a job's meta.
    :param results_path: the folder, a ``pathlib.Path`` or one of its kin; None: results can be read until the
        session is closed.
    :param log: the session's.
    """

    def __init__(
        self, session: OpenSession, get_job_meta: Callable[[str], JobMeta], results_path: Any, log: Log
    ) -> None:
        self._session = session
        self._get_job_meta = get_job_meta
        self._results_path = results_path
        self._log = log
        self._bringing = threading.RLock()

    def keep_ended(self, job_id: str) -> None:
        """Keep what would be lost with the session: the results of a local job."""
        if self._is_local and self._results_path is not None:
            self.of(job_id)

    def of(self, job_id: str) -> FederationResults:
        """What a job's pipeline yielded.

        :raises ResultsIncomplete: the job has not ended.
        :raises JobMetaError: its meta was made up.
        :raises StorageFailed: they cannot be kept, or read where they are kept.
        """
        return self._of(job_id, ())

    def _of(self, job_id: str, continued_by: tuple[str, ...]) -> FederationResults:
        kept = self.kept(job_id)
        return self._bring(self._meta(job_id), continued_by) if kept is None else kept

    def check(self, job_id: str, partial: bool | None = None) -> FederationResults | None:
        """Make sure that an ended job did its work: see :meth:`JobOutcome.check`.

        :param job_id: the job.
        :param partial: let a job pass that answered some of its parameter sets; None: where its submitting task does.
        :return: the results; None for a job that is no pipeline of this provider's, of which FLARE's status is
            all that can be said.
        :raises JobFailed, ResultsIncomplete, UnsafeResult: it did not.
        """
        results = self.kept(job_id)
        if results is None:
            meta = self._meta(job_id)
            if not is_pipeline_job(meta):
                check_status(meta)
                return None
            results = self._bring(meta)
        results.outcome.check(partial)
        return results

    def accept_partial(self, job_id: str) -> None:
        """Note beside what is kept of a job that its submitting task has taken it with some of its sets unanswered."""
        if self._results_path is not None:
            note_acceptance(self._results_path / check_job_id(job_id))

    def kept(self, job_id: str) -> FederationResults | None:
        """What is kept of a job; None where nothing is, or not all.

        :raises JobNotFound: it is no job's id.
        :raises ResultsIncomplete: it is damaged, and cannot be brought anew.
        """
        if self._results_path is None:
            return None
        try:
            # What cannot be brought anew is read as far as it is there.
            return read_kept_results(self._results_path / check_job_id(job_id), with_values=not self._is_local)
        except ResultsIncomplete as error:
            if self._is_local:
                raise
            self._log.log(logging.WARNING, "%s They are brought anew from the federation.", error)
            return None

    def _meta(self, job_id: str) -> JobMeta:
        meta = self._get_job_meta(job_id)
        original = meta
        # The server leaves custom_props out of a clone: nvflare/private/fed/server/job_cmds.py, clone_job.
        seen: set[str] = set()
        while original.cloned_from and not original.custom_props and original.cloned_from not in seen:
            # Whoever submits a job can have it say so, too.
            seen.add(original.cloned_from)
            try:
                original = self._get_job_meta(original.cloned_from)
            except JobNotFound:
                break
        return meta.model_copy(update={"custom_props": original.custom_props})

    def download(self, job_id: str, destination: Any = None, paths: Patterns = None) -> DownloadedJob:
        """Keep the files of a job that has ended: see :meth:`FederationSession.download_job_result`."""
        folder = self._destination(check_job_id(job_id), destination)
        there = find_download(folder, job_id, paths)
        if there is not None:
            return there
        meta = self._get_job_meta(job_id)
        self._log.info("Downloading job %s (%s) to %s", job_id, meta.name, folder)
        location = self._download(meta)
        try:
            downloaded = keep_download(location, folder, job_id, paths)
        finally:
            shutil.rmtree(location, ignore_errors=True)
        steps.reached(steps.KEPT, job_id)
        return downloaded

    def _destination(self, job_id: str, destination: Any) -> Any:
        if self._is_local:
            raise ConnectionSettingsError("Jobs of the target local have no files to download: read their results.")
        if destination is not None:
            return Path(destination) if isinstance(destination, str) else destination
        if self._results_path is None:
            raise ConnectionSettingsError("The session has no results_path: give a destination.")
        return self._results_path / job_id / DOWNLOAD

    def _download(self, meta: JobMeta) -> Path:
        """Bring an ended job into the private folder."""
        job_id = meta.job_id
        if not meta.has_ended:
            raise ResultsIncomplete(f"Job {job_id} is {meta.status}: wait until it has finished.")

        def download() -> Path:
            answer = self._session.transfer("download_job_result", job_id=job_id)
            return read_answer(Brought, answer, f"download_job_result of job {job_id}").location

        location = self._local_folder(download(), job_id) if self._is_local else download_stored_job(download, meta)
        steps.reached(steps.DOWNLOADED, job_id)
        return location

    @property
    def _is_local(self) -> bool:
        return self._session.settings.target == "local"

    def _local_folder(self, location: Path, job_id: str) -> Path:
        if not location.exists():
            raise ResultsIncomplete(
                f"The results of the local job {job_id} are gone: they were kept, and what was kept is there no more. "
                "Run it again."
            )
        return location

    def _bring(self, meta: JobMeta, continued_by: tuple[str, ...] = ()) -> FederationResults:
        """Bring a job's results, and keep them where there is a place for them.

        :param meta: the job's.
        :param continued_by: the jobs that continue it, one the other.
        """
        if not self._is_local:
            return self._bring_copy(meta, continued_by)
        # There is only one copy of a local job's results, which goes once they are kept.
        with self._bringing:
            kept = self.kept(meta.job_id)
            # One without any result is no other than one with many.
            return self._bring_copy(meta, continued_by) if kept is None else kept

    def _bring_copy(self, meta: JobMeta, continued_by: tuple[str, ...]) -> FederationResults:
        job_id = meta.job_id
        location = self._download(meta)
        try:
            results = self._with_earlier(read_downloaded_job(location, meta), meta, continued_by)
            if self._results_path is None:
                return results
            kept = keep_results(results, self._results_path / check_job_id(job_id))
        except BaseException:
            # A local job has no other copy.
            if not self._is_local:
                shutil.rmtree(location, ignore_errors=True)
            raise
        steps.reached(steps.KEPT, job_id)
        shutil.rmtree(location, ignore_errors=True)
        return kept

    def _with_earlier(
        self, results: FederationResults, meta: JobMeta, continued_by: tuple[str, ...]
    ) -> FederationResults:
        """The results of a job, with those of the jobs that it continues."""
        continued, set_numbers = meta.note.continues, meta.note.set_numbers
        if continued is None or set_numbers is None:
            return results
        chain = (*continued_by, meta.job_id)
        if continued in chain or len(chain) > MAX_CONTINUED:
            raise JobMetaError(
                f"The meta of job {meta.job_id} ({meta.name}) says that it continues job {continued}, which leads back "
                "to itself or through too many jobs: whoever submitted it made that up. Its results cannot be read."
            )
        try:
            earlier = self._of(continued, chain)
            if not is_same_content(earlier.outcome.content, meta.note.content):
                raise JobMetaError(
                    f"The meta of job {meta.job_id} ({meta.name}) says that it continues job {continued}, which was to "
                    "do something else: whoever submitted it made that up. Its results cannot be read."
                )
            return merge(earlier, results, set_numbers)
        except (JobNotFound, ResultsIncomplete) as error:
            self._log.log(
                logging.WARNING, "Job %s continues job %s, whose results are gone: %s", meta.job_id, continued, error
            )
            return without_earlier(results, set_numbers)

    def to_repeat(self, failed: str | None, content: str) -> list[int] | None:
        """Which parameter sets a job has to do after one that failed; None: all.

        :param failed: the job that failed, or None.
        :param content: SHA-256 of what both are to do.
        """
        if failed is None:
            return None
        try:
            return sets_to_repeat(self.of(failed).outcome, content)
        except PermanentFederationError as error:
            self._log.info("The results of job %s cannot be told, so all is done again: %s", failed, error)
            return None
