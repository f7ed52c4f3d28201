"""The questions and commands about jobs that come down to others, for the session and for Airflow's hook."""

from __future__ import annotations

from abc import abstractmethod

from airflow_provider_dfm.federation.errors import JobNotFound
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.parameter_sets import ParameterSets
from airflow_provider_dfm.federation.submit_once import active_jobs


class JobCommands:
    """What a session and the hook do alike, each by its own way to the federation."""

    @abstractmethod
    def get_job_meta(self, job_id: str) -> JobMeta:
        """All that the federation stores about a job.

        :raises JobNotFound: nobody knows the id.
        """

    @abstractmethod
    def send_input_params(
        self, job_id: str, input_params: ParameterSets, key: str | None = None, stop: bool = False
    ) -> list[int]:
        """Send more parameter sets to a running pipeline; see :meth:`FederationSession.send_input_params`."""

    def send_stop_frame(self, job_id: str, key: str | None = None) -> None:
        """Let a pipeline end that was started with ``autostop=False``, once it has done all its sets.

        One that was stopped before stays so.

        :param job_id: the job.
        :param key: see :meth:`send_input_params`, which says what is raised, too.
        """
        self.send_input_params(job_id, [], key, stop=True)

    def find_job(self, job_id: str) -> JobMeta | None:
        """As :meth:`get_job_meta`, but None for an id that nobody knows."""
        try:
            return self.get_job_meta(job_id)
        except JobNotFound:
            return None

    def get_status(self, job_id: str) -> JobStatus:
        """A job's state; UNKNOWN for an id that nobody knows."""
        meta = self.find_job(job_id)
        return JobStatus.UNKNOWN if meta is None else meta.state

    def active_jobs(self, identity: JobIdentity) -> list[str]:
        """The ids of an identity's jobs that have not ended."""
        return active_jobs(identity, self.find_job)
