"""Logging in to each version, while its jobs run."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone

import pytest

from airflow_provider_dfm.federation.errors import AuthenticationFailed, ConnectionSettingsError
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.hooks.dfm import DfmHook
from demo.flare_poc import FlarePoc
from tests.versions.flare_versions import long_form_only

pytestmark = pytest.mark.federation

MALLORY = "mallory@weather.example"
# Ends without waiting for what the client library leaves running.
LOG_IN = """
import os, sys
from nvflare.fuel.flare_api.flare_api import new_secure_session
try:
    session = new_secure_session(sys.argv[1], sys.argv[2], timeout=4)
except BaseException as error:
    print("raises", type(error).__name__, flush=True)
else:
    print("gives a session", flush=True)
os._exit(0)
"""


def test_a_session_opens_with_the_federations_own_version(session, version):
    assert session.about["nvflare"] == version.name


def test_the_system_info_says_which_sites_are_connected_and_since_when_the_server_runs(session):
    info = session.get_system_info()
    assert info.site_names == ["san_francisco", "seattle"]
    now = datetime.now(timezone.utc)
    assert now - timedelta(hours=6) < info.server_start_time < now
    assert all(info.server_start_time < site.last_connect_time < now for site in info.sites)


def test_the_connections_test_names_version_and_sites(connection, version):
    succeeded, message = DfmHook(connection).test_connection()
    assert succeeded, message
    assert f"nvflare {version.name}), sites: san_francisco, seattle" in message


def test_another_user_than_the_kits_is_refused_before_the_log_in(version_fields):
    with pytest.raises(AuthenticationFailed, match=f"made for analyst@weather.example, .* login is {MALLORY}"):
        FederationSession(read_settings(version_fields(user=MALLORY), "test")).open()


def test_a_kit_and_a_job_that_can_only_be_read_are_left_as_they_are(read_only_jobs):
    assert len(set(read_only_jobs.ids)) == 2
    assert read_only_jobs.are_untouched()


@long_form_only
def test_what_the_client_library_says_of_another_user(poc, tmp_path, seen):
    kit = shutil.copytree(poc.startup_kit, tmp_path / "kit")
    command = [str(poc.python), "-c", LOG_IN, MALLORY, str(kit)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=120).stdout.strip()
    seen("`new_secure_session` with a user the kit was not made for", answer.rpartition("\n")[2])


def test_an_insecure_session(version, version_fields, tmp_path, seen):
    subject = "`secure_mode: false`"
    if version.release >= (2, 7):
        # TLS stays; all that differs is that the user's name is taken from the certificate.
        with FederationSession(read_settings(version_fields(secure_mode=False), "test")) as session:
            assert session.get_system_info().site_names == ["san_francisco", "seattle"]
        seen(subject, "the same TLS, with the user's name from the certificate")
        return
    with pytest.raises(ConnectionSettingsError, match="secure_mode is false, but the server speaks TLS"):
        FederationSession(read_settings(version_fields(secure_mode=False, connect_timeout=2), "test")).open()
    with FlarePoc(tmp_path / "insecure", version.python, clients=(), secure=False) as insecure:
        fields = version_fields(secure_mode=False, startup_kit=str(insecure.startup_kit))
        with FederationSession(read_settings(fields, "test")) as session:
            assert session.get_system_info().sites == ()
    seen(subject, "no TLS: for a server that is insecure, too")
