"""Submitting to each version: from folders, archives and functions, twice, and what must not be submitted."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest

from airflow_provider_dfm.federation.errors import FederationError, JobContentConflict, JobDefinitionError
from tests.versions.flare_versions import long_form_only
from tests.versions.trial_jobs import SLEEP, claim_of_its_own, make_job

pytestmark = pytest.mark.federation


def test_two_sessions_that_submit_one_folder_at_once_do_not_tear_each_others_signatures(session, read_only_jobs):
    # They are verified when the job is brought to the sites.
    for job_id in read_only_jobs.ids:
        assert session.reattach(job_id).wait_until_finished(120)
        session.check_job(job_id)
        assert session.get_job_meta(job_id).name == "read only"


def test_a_function_that_builds_the_job(session, ended_jobs):
    session.check_job(ended_jobs["built"].job_id)
    assert ended_jobs["built"].get_job_meta().name == "built"


def test_an_archive_with_changes_to_its_meta(session, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "packed"), "gztar", SLEEP)
    changes = {"name": "changed meta", "min_clients": 2, "custom_props": {"team": "blue"}}
    job = session.submit_job(archive, meta=changes)
    meta = job.get_job_meta()
    job.cancel()
    assert (meta.name, meta.min_clients, meta.custom_props["team"]) == ("changed meta", 2, "blue")


def test_a_second_try_finds_the_job_and_another_content_is_a_conflict(session, tmp_path):
    claim = claim_of_its_own()
    job = make_job(tmp_path, "claimed", seconds=600)
    first = session.submit_job(job, claim=claim)
    again = session.submit_job(job, claim=claim)
    assert (again.job_id, again.found.name) == (first.job_id, "claimed")
    with pytest.raises(JobContentConflict, match=f"{first.job_id} .* with another content"):
        session.submit_job(job, meta={"min_clients": 2}, claim=claim)
    first.cancel()
    assert first.wait_until_finished(120)
    assert session.submit_job(job, claim=claim).job_id == claim.identity.job_id(1)
    session.abort_job(claim.identity.job_id(1))


def test_what_the_server_takes_for_no_job_is_refused(session, tmp_path, seen):
    job = make_job(tmp_path, "refused job", deploy_map={"no_such_app": ["@ALL"]})
    with pytest.raises(JobDefinitionError, match=r"no_such_app.* for job refused_job") as caught:
        session.submit_job(job)
    seen("a job without the app that it names is refused with", str(caught.value).split(": ")[1])


# As `nvflare job create` writes it, and as people do who have OmegaConf.
HOCON = """{
  resource_spec {}
  deploy_map { app = ["@ALL"] }
  min_clients = 2
  mandatory_clients = ["seattle"]
}"""
YAML = "resource_spec: {}\ndeploy_map:\n  app: ['@ALL']\nmin_clients: 2\nmandatory_clients: [seattle]\n"


@pytest.mark.parametrize(("file", "text"), [("meta.conf", HOCON), ("meta.yml", YAML)])
def test_a_job_whose_meta_is_in_another_form_and_without_a_name(session, version, tmp_path, file, text):
    job = make_job(tmp_path, "named by its folder")
    (job / "meta.json").unlink()
    (job / file).write_text(text)
    if file == "meta.yml" and not _has_omegaconf(version):
        with pytest.raises(JobDefinitionError, match=r"meta\.yml needs a library .*omegaconf"):
            session.submit_job(job)
        return
    submitted = session.submit_job(job)
    meta = submitted.get_job_meta()
    submitted.cancel()
    assert (meta.name, meta.min_clients, meta.mandatory_clients) == ("named by its folder", 2, ["seattle"])
    assert meta.deploy_map == {"app": ["@ALL"]}
    assert meta.job_folder_name == "named_by_its_folder"


def _has_omegaconf(version):
    return str(version.python) == sys.executable and importlib.util.find_spec("omegaconf") is not None


def test_a_mounted_config_map_is_one_job_whatever_pod_tries_again(session, tmp_path):
    claim = claim_of_its_own()
    jobs = [_mounted(tmp_path / pod, f"..2026_11_28_03_00_00.{pod}") for pod in ("1111", "2222")]
    first = session.submit_job(jobs[0], claim=claim)
    assert session.submit_job(jobs[1], claim=claim).job_id == first.job_id
    first.cancel()


def _mounted(folder, version):
    job = make_job(folder / version, "mounted", seconds=600)
    for path in job.iterdir():
        path.rename(job.parent / path.name)
    job.rmdir()
    (folder / "..data").symlink_to(version)
    for path in (folder / version).iterdir():
        (folder / path.name).symlink_to(f"..data/{path.name}")
    (folder / version / "app" / "__pycache__").mkdir()
    (folder / version / "app" / "__pycache__" / "code.pyc").write_text(version)
    return folder


@long_form_only
def test_what_a_server_does_with_the_id_of_a_job_that_has_ended(session, ended_jobs, tmp_path, seen):
    job = session.clone_job(ended_jobs["raises"].job_id)
    assert job.wait_until_finished(120)
    folder = make_job(tmp_path, "taken", job_id=job.job_id)
    subject = "a job under the id of one that has ended"
    try:
        session.ask("submit_job", folder=str(folder), job_id=job.job_id)
    except FederationError as error:
        assert job.get_job_meta().name == "raises"
        seen(subject, f"is refused with {str(error).split(': ')[1]}")
    else:
        assert session.submit_job(make_job(tmp_path, "after it")).wait_until_finished(120)
        assert (job.get_job_meta().name, job.get_job_meta().status) == ("taken", "SUBMITTED")
        seen(subject, "takes its place, and is never run")
    session.delete_job(job.job_id)
