"""A site that cannot take part: it has not installed the federation's package, or runs another one's API."""

from __future__ import annotations

import shutil

import pytest

from airflow_provider_dfm.federation.errors import JobFailed
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from tests.conftest import TRIALS

pytestmark = pytest.mark.federation


def test_a_site_without_the_federations_package_fails_the_job_by_its_name(fields, tmp_path):
    # The same federation under a name that only the client knows.
    shutil.copytree(TRIALS / "trials", tmp_path / "absent", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TRIALS / "trial_pipelines.py", tmp_path / "absent_pipelines.py")
    for path in (*(tmp_path / "absent").rglob("*.*"), tmp_path / "absent_pipelines.py"):
        path.write_text(path.read_text().replace("trials", "absent"))
    made = fields(federation="absent", python_path=str(tmp_path), results_path=str(tmp_path / "results"))
    with FederationSession(read_settings(made, "test")) as session:
        job = session.execute("absent_pipelines:echo", {"value": 1})
        assert job.wait_until_finished(timeout=120)
        with pytest.raises(JobFailed, match=r"site seattle: .*No module named 'absent'"):
            list(job.results())
