"""What all tests share: an Airflow home of their own, and the federation, started when first asked for."""

from __future__ import annotations

import atexit
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

TRIAL_DAGS = Path(__file__).resolve().parent / "integration" / "dags"

# Airflow reads these at its first import.
os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(TRIAL_DAGS)
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="airflow-home-of-tests-")
atexit.register(shutil.rmtree, os.environ["AIRFLOW_HOME"], ignore_errors=True)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

import pytest
from xdist.scheduler import LoadScopeScheduling

from demo.airflow_process import AirflowProcess
from demo.demonstration import (
    FEDERATION,
    FEDERATION_PYTHON,
    ROOT,
    connection_fields,
    make_airflow,
    make_federation,
    make_hospitals,
)
from demo.flare_poc import FlarePoc
from tests.object_store import ObjectStore

TESTS = Path(__file__).resolve().parent
TRIALS = TESTS / "federation"


AIRFLOW = pytest.StashKey[AirflowProcess]()
# Those that take longest, so that they are begun first.
LONG_SCOPES = ("integration, database", "scheduler", "integration, federation")


class SharedProcesses(LoadScopeScheduling):
    """Keeps the tests that share what they start in one process; unit tests go to any."""

    def _split_scope(self, nodeid):
        return _scope(nodeid)


def _scope(nodeid):
    """The tests of a test: those of its folder, and all that need Airflow's scheduler; the longest folder is two."""
    file = nodeid.partition("::")[0]
    folder = file.split("/")[1]
    if folder == "unit":
        return nodeid
    needs = _needs(file)
    if needs == "scheduler":
        return needs
    return f"{folder}, {needs}" if folder == "integration" else folder


@functools.lru_cache
def _needs(file):
    text = (ROOT / file).read_text()
    if re.search(r"^def \w+\([^)]*\b(outage_)?airflow\b", text, re.MULTILINE):
        return "scheduler"
    return "database" if '"database"' in text else "federation"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    # Marks for --dist loadgroup do nothing with pytest 9.2: xdist/remote.py of 3.8.0 sets item._nodeid.
    return SharedProcesses(config, log)


def pytest_collection_modifyitems(items):
    ranks = {scope: rank for rank, scope in enumerate(LONG_SCOPES)}

    def rank(item):
        # The short ones last, so that all processes have something to do to the end.
        if TESTS / "unit" in item.path.parents:
            return len(ranks) + 1
        return ranks.get(_scope(item.nodeid), len(ranks))

    items.sort(key=rank)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item, nextitem):
    # Idle, it takes a sixth of a core from the tests that come after.
    if AIRFLOW in item.session.stash and (nextitem is None or _scope(nextitem.nodeid) != "scheduler"):
        item.session.stash[AIRFLOW].stop()


@pytest.fixture(scope="session")
def site_packages(tmp_path_factory):
    """A folder that the federation's server and sites import from, where a test can put a package of its own."""
    return tmp_path_factory.mktemp("site-packages")


@pytest.fixture(scope="session")
def federation(tmp_path_factory, site_packages):
    """A real FLARE federation on loopback, which serves the demonstration's pipelines and the trials."""
    folder = tmp_path_factory.mktemp("federation")
    with make_federation(folder, python_path=(TRIALS, site_packages)) as running:
        yield running


@pytest.fixture(scope="session")
def hospitals(tmp_path_factory):
    """The hospitals' federation of the second example, with their data."""
    with make_hospitals(tmp_path_factory.mktemp("hospitals")) as running:
        yield running


@pytest.fixture(scope="session")
def plain_federation(tmp_path_factory):
    """A federation without DFM, of the nvflare that is installed beside Airflow."""
    with FlarePoc(tmp_path_factory.mktemp("plain-federation"), Path(sys.executable)) as running:
        yield running


@pytest.fixture(scope="session")
def plain_fields(plain_federation):
    """The settings of a session with it."""

    def make(**changes):
        kit = str(plain_federation.startup_kit)
        return {"user": plain_federation.admin, "startup_kit": kit, "python": sys.executable} | changes

    return make


@pytest.fixture(scope="session")
def fields(federation):
    """Makes the settings of a session: ``fields(federation="trials", target="local")``."""

    def make(**changes):
        python_path = f"{FEDERATION}:{TRIALS}"
        return {"user": federation.admin} | connection_fields(federation, python_path=python_path) | changes

    return make


@pytest.fixture(scope="session")
def local_fields():
    """The settings of a session with the local target, which needs no running federation."""

    def make(**changes):
        return {
            "python": str(FEDERATION_PYTHON),
            "python_path": f"{FEDERATION}:{TRIALS}",
            "federation": "trials",
            "homesite": "analyst",
            "target": "local",
        } | changes

    return make


@pytest.fixture(scope="session")
def database():
    """Airflow's database in the tests' own home, for ``dag.test()``."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)


@pytest.fixture(scope="session")
def airflow(request, federation, fields, tmp_path_factory):
    """A real Airflow with scheduler and triggerer, which has the example DAGs and the trials' ones."""
    folder = tmp_path_factory.mktemp("airflow")
    dags = folder / "dags"
    shutil.copytree(ROOT / "dags", dags, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("trial_dags.py", "secret_dags.py"):
        shutil.copy(TRIAL_DAGS / file, dags)
    with make_airflow(folder, dags) as running:
        request.session.stash[AIRFLOW] = running
        for name, made in (("weather", fields()), ("flare", fields(federation="trials"))):
            running.add_connection(name, "dfm", login=made.pop("user"), extra=made)
        yield running


@pytest.fixture(scope="session")
def object_store(tmp_path_factory):
    """A real S3 server on loopback."""
    with ObjectStore(tmp_path_factory.mktemp("s3")) as running:
        yield running
