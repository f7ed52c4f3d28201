"""Sites that cannot take part, because they cannot load what the federation has agreed on."""

from __future__ import annotations

import shutil

import pytest

from airflow_provider_dfm.federation.errors import JobFailed
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from tests.conftest import TRIALS

pytestmark = pytest.mark.federation


def _copy(name, folder):
    """The federation ``trials`` under another name."""
    shutil.copytree(TRIALS / "trials", folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(TRIALS / "trial_pipelines.py", folder / f"{name}_pipelines.py")
    for path in (*(folder / name).rglob("*.*"), folder / f"{name}_pipelines.py"):
        path.write_text(path.read_text().replace("trials", name))
    return folder


def _failure(fields, name, folder, pipeline="echo"):
    """Why a pipeline of a federation failed, of which the client has a sound copy."""
    made = fields(federation=name, python_path=str(_copy(name, folder)), results_path=str(folder / "results"))
    with FederationSession(read_settings(made, "test")) as session:
        job = session.execute(f"{name}_pipelines:{pipeline}", {"value": 1})
        assert job.wait_until_finished(timeout=120)
        with pytest.raises(JobFailed) as caught:
            list(job.results())
    return str(caught.value)


def test_a_federation_that_only_the_client_has(fields, tmp_path):
    failure = _failure(fields, "unheard_of", tmp_path)
    assert "site server: " in failure
    assert "Could not locate a python module for name unheard_of.fed.runtime.server" in failure


@pytest.mark.parametrize("pipeline", ["echo", "relay"])
def test_a_site_whose_package_is_broken(fields, site_packages, tmp_path, pipeline):
    # In the relay, the server would wait for what the site was to send.
    name = f"half_installed_{pipeline}"
    module = _copy(name, site_packages) / name / "fed" / "runtime" / "seattle" / "_this_site.py"
    module.write_text('raise ImportError("the library of this site is missing")\n' + module.read_text())
    failure = _failure(fields, name, tmp_path, pipeline)
    assert "site seattle: " in failure
    assert "the library of this site is missing" in failure
