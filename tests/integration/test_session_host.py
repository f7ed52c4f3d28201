"""What others on the same machine can see of a session host that is logged in: nothing that opens a door."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import socket
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.process_keeper import descendants

pytestmark = pytest.mark.federation

# include/net/tcp_states.h, and the flag of a listening socket in /proc/net/unix: include/uapi/linux/net.h
TCP_LISTEN = "0A"
UNIX_LISTEN = 0x10000


@pytest.fixture
def kit_as_text(federation, tmp_path):
    with open(shutil.make_archive(str(tmp_path / "kit"), "zip", federation.startup_kit), "rb") as file:
        return base64.b64encode(file.read()).decode()


@pytest.fixture(params=["flare", "local"])
def processes(request, fields, local_fields, kit_as_text):
    """The ids of a session host and of all that it started, while a pipeline runs."""
    if request.param == "local":
        settings = local_fields()
    else:
        settings = fields(federation="trials", startup_kit="", startup_kit_secret=kit_as_text)
    with FederationSession(read_settings(settings, "test")) as session:
        job = session.execute("trial_pipelines:sleep", {"seconds": 60})
        host = session._session._host._pid
        yield {host} | descendants(host)
        job.cancel()


def _open_files(pid):
    found = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        # Some are closed again by now.
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"/proc/{pid}/fd/{number}"))
    return found


def test_neither_kit_nor_airflows_settings_are_on_a_command_line_or_in_an_environment(
    processes, federation, kit_as_text
):
    assert os.environ["AIRFLOW__CORE__DAGS_FOLDER"]
    key = (federation.startup_kit / "startup" / "client.key").read_bytes()
    secrets = [b"PRIVATE KEY", key.splitlines()[1], kit_as_text[:40].encode(), b"AIRFLOW__", b"AIRFLOW_HOME"]
    assert processes
    for pid in processes:
        for name in ("cmdline", "environ"):
            content = Path(f"/proc/{pid}/{name}").read_bytes()
            assert content
            assert [secret for secret in secrets if secret in content] == []


def _open_to_others(*pids):
    """The sockets of these processes that wait for somebody to connect, or take datagrams."""
    found = {}
    for name in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]:
            words = line.split()
            if name.startswith("udp") or words[3] == TCP_LISTEN:
                found[f"socket:[{words[9]}]"] = f"{name} {words[1]}"
    for line in Path("/proc/net/unix").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[3], 16) & UNIX_LISTEN:
            found[f"socket:[{words[6]}]"] = f"unix {words[7:]}"
    return [found[file] for pid in pids for file in _open_files(pid) if file in found]


def test_it_listens_on_no_socket(processes, tmp_path):
    assert _open_to_others(*processes) == []
    # That the look finds what there is:
    before = set(_open_to_others(os.getpid()))
    with socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX) as named:
        named.bind(str(tmp_path / "socket"))
        named.listen()
        assert {name.split()[0] for name in set(_open_to_others(os.getpid())) - before} == {"tcp", "unix"}
