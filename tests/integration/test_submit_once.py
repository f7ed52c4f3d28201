"""One job over all tries, on real federations: a pipeline on nvflare 2.6.3, a plain job on the newest one."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

import pytest

from airflow_provider_dfm.federation import job_source
from airflow_provider_dfm.federation.errors import CommandTimedOut, JobContentConflict, JobDefinitionError
from airflow_provider_dfm.federation.job_identity import JobIdentity
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.federation.submit_once import Claim

pytestmark = pytest.mark.federation

SLEEP = Path(__file__).resolve().parents[1] / "federation" / "flare_jobs" / "sleep"


class Pipeline:
    """Submits the pipeline echo."""

    def __init__(self, session):
        self.session = session

    def submit(self, claim, content=1):
        return self.session.execute("trial_pipelines:echo", {"value": content}, claim=claim)

    def jobs(self, claim):
        """The ids of the claim's jobs that the federation lists, however many attempts there were."""
        ids = [claim.identity.job_id(attempt) for attempt in range(5)]
        listed = {job.job_id for job in self.session.list_jobs()}
        return [job_id for job_id in ids if job_id in listed]


class PlainJob(Pipeline):
    """Submits a job's folder."""

    def __init__(self, session, folder):
        super().__init__(session)
        self.folder = folder

    def submit(self, claim, content=1):
        (self.folder / "app" / "custom" / "content.txt").write_text(str(content))
        return self.session.submit_job(str(self.folder), claim=claim)


@pytest.fixture(scope="module", params=["pipeline", "plain job"])
def submitter(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("submit-once")
    if request.param == "pipeline":
        settings = request.getfixturevalue("fields")(federation="trials", results_path=str(folder / "results"))
    else:
        settings = request.getfixturevalue("plain_fields")(results_path=str(folder / "results"))
    with FederationSession(read_settings(settings, "test")) as session:
        if request.param == "pipeline":
            yield Pipeline(session)
        else:
            yield PlainJob(session, shutil.copytree(SLEEP, folder / "job"))


@pytest.fixture
def claim():
    return Claim(JobIdentity("test", "dag", "run", "task", -1, uuid.uuid4().hex, 1))


def test_a_second_try_finds_the_job_while_it_runs_and_after(submitter, claim):
    first = submitter.submit(claim)
    assert first.found is None
    again = submitter.submit(claim)
    assert again.job_id == first.job_id
    assert not again.found.has_ended
    assert first.wait_until_finished(timeout=120)
    after = submitter.submit(claim)
    assert (after.job_id, after.found.status) == (first.job_id, "FINISHED:COMPLETED")
    submitter.session.check_job(first.job_id)
    assert submitter.jobs(claim) == [first.job_id]


def test_another_content_is_a_conflict_and_not_submitted(submitter, claim):
    first = submitter.submit(claim, content=1)
    with pytest.raises(JobContentConflict, match=rf"{first.job_id} .* with another content"):
        submitter.submit(claim, content=2)
    assert submitter.jobs(claim) == [first.job_id]
    first.cancel()


def test_a_job_that_was_aborted_makes_room_for_another(submitter, claim):
    first = submitter.submit(claim)
    first.cancel()
    assert first.wait_until_finished(timeout=120)
    second = submitter.submit(claim, content=2)
    assert second.job_id != first.job_id
    assert submitter.jobs(claim) == [first.job_id, second.job_id]
    second.cancel()


def test_two_sessions_that_submit_find_one_job(submitter, claim):
    first = submitter.submit(claim)
    with FederationSession(submitter.session.settings) as another:
        mine, submitter.session = submitter.session, another
        try:
            assert submitter.submit(claim).job_id == first.job_id
        finally:
            submitter.session = mine
    first.cancel()


def test_the_folder_of_a_job_is_left_as_it_is_even_if_it_can_only_be_read(plain_fields, claim, tmp_path):
    folder = shutil.copytree(SLEEP, tmp_path / "a job")
    before = sorted(path.relative_to(folder) for path in folder.rglob("*"))
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with FederationSession(read_settings(plain_fields(), "test")) as session:
        session.submit_job(folder, claim=claim).cancel()
    assert sorted(path.relative_to(folder) for path in folder.rglob("*")) == before


def test_what_is_no_job_is_refused(plain_fields, tmp_path):
    (tmp_path / "meta.json").write_text("[]")
    with FederationSession(read_settings(plain_fields(), "test")) as session:
        with pytest.raises(JobDefinitionError, match="There is no FLARE job at /nowhere"):
            session.submit_job("/nowhere")
        with pytest.raises(JobDefinitionError, match=r"meta\.json holds no object, but a list"):
            session.submit_job(tmp_path)
        (tmp_path / "meta.json").write_text('{"name": "empty", "deploy_map": {"app": ["@ALL"]}}')
        with pytest.raises(JobDefinitionError, match="app"):
            session.submit_job(tmp_path)


def test_a_function_that_gives_no_job_or_runs_on_is_told_what_it_has_to_do(local_fields, monkeypatch):
    with FederationSession(read_settings(local_fields(), "test")) as session:
        with pytest.raises(JobDefinitionError, match=r"os:getcwd returned a value of type str.* return the job that"):
            session.submit_job("os:getcwd")
        monkeypatch.setattr(job_source, "EXPORT_SECONDS", 1.0)
        with pytest.raises(CommandTimedOut, match=r"signal:pause did not return within 1 s\. It has to build a job"):
            session.submit_job("signal:pause")
