"""The compose file itself: that it is one, and that it keeps apart what is to be apart. Starts no container."""

from __future__ import annotations

import importlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag

from compose import node_health
from tests.compose.engine import COMPOSE_FILE, ROOT

# https://github.com/compose-spec/compose-spec/blob/170098ba07d9f53c383a41bfd4c5166b0a4529a6/schema/compose-spec.json
# (Apache License 2.0)
SCHEMA = Path(__file__).resolve().with_name("compose-spec.json")
ONE_SHOT = {"setup", "airflow-init"}
FEDERATION = {"flare-server", "seattle", "san-francisco"}


@pytest.fixture(scope="module")
def document():
    """The compose file with its anchors merged."""
    return yaml.safe_load(COMPOSE_FILE.read_text())


@pytest.fixture
def secret_holders(monkeypatch):
    """The containers that ``compose/setup.py`` gives a file to, by the file's name."""
    # The image has all its scripts in one folder.
    for folder in ("demo", "demo/federation"):
        monkeypatch.syspath_prepend(str(ROOT / folder))
    setup = importlib.import_module("compose.setup")
    files = setup.secret_files(dict.fromkeys([*setup.NAMES, "fernet"], ""))
    return lambda wanted: {name for name, held in files.items() if wanted in held}


@pytest.fixture(scope="module")
def services(document):
    return document["services"]


def test_it_fits_the_schema(document):
    jsonschema.Draft7Validator(json.loads(SCHEMA.read_text())).validate(document)


def test_podman_compose_reads_it(services, tmp_path):
    # It asks podman for its version first; to read the file it needs no more.
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\necho podman version 4.3.1\n")
    podman.chmod(0o755)
    command = [str(Path(sys.executable).with_name("podman-compose")), "config"]
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    assert yaml.safe_load(done.stdout)["services"].keys() == services.keys()


def test_the_dags_in_the_image_have_the_files_that_they_read(services, tmp_path):
    (pattern,) = {
        service["build"]["args"]["DAGS"].removeprefix("${DAGS:-").removesuffix("}")
        for service in services.values()
        if "DAGS" in service.get("build", {}).get("args", {})
    }
    for file in ROOT.glob(pattern):
        if file.is_file():
            shutil.copy(file, tmp_path)
    bag = DagBag(tmp_path, bundle_path=tmp_path)
    assert bag.import_errors == {}
    assert bag.dags.keys() >= {"weather_comparison_on_trigger", "weather_climate"}


def test_no_secret_is_in_it(services):
    for service in services.values():
        for name in service.get("environment", {}):
            secret = re.search(r"PASSWORD|SECRET|KEY|CREDENTIALS|SQL_ALCHEMY|BROKER|BACKEND", name)
            assert not secret or name.endswith(("_CMD", "_FILE")), name


def test_the_images_of_others_are_pinned(services):
    images = [service["image"] for service in services.values() if "IMAGES" not in service["image"]]
    assert len(images) == 3
    for image in images:
        assert re.fullmatch(r"\$\{[A-Z_]+:-[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?\}", image)


def test_the_base_image_is_pinned_in_both_files(services):
    bases = {service["build"]["args"]["BASE_IMAGE"] for service in services.values() if "build" in service}
    (base,) = {re.fullmatch(r"\$\{BASE_IMAGE:-(python:\d+\.\d+\.\d+-[a-z-]+)\}", name)[1] for name in bases}
    assert f"ARG BASE_IMAGE={base}\n" in (ROOT / "Dockerfile").read_text()


def test_an_image_of_our_own_is_asked_of_no_registry(services):
    own = {name: service for name, service in services.items() if "IMAGES" in service["image"]}
    assert {service.get("pull_policy") for service in own.values()} == {"never"}


def test_no_proxy_is_asked_for_another_container(document, services):
    ports = {"database", "broker", "store", "api-server", "flare-server"}
    for name in services.keys() - {"setup", "database", "broker"}:
        for variable in ("NO_PROXY", "no_proxy"):
            assert set(services[name]["environment"][variable].split(",")) == {"localhost", "127.0.0.1", *ports}


def test_every_volume_belongs_to_one_container(document, services):
    for volume in document["volumes"]:
        users = [
            name
            for name, service in services.items()
            if any(mount.split(":")[0] == volume for mount in service.get("volumes", []))
        ]
        assert len(set(users) - {"setup"}) <= 1, volume


def test_no_volume_is_named_like_the_beginning_of_another(document):
    names = document["volumes"]
    assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]


def test_only_workers_and_triggerer_come_to_the_federation(services):
    there = {name for name, service in services.items() if "federation" in service.get("networks", [])}
    assert there == FEDERATION | {"worker", "triggerer"}
    for name in FEDERATION:
        assert services[name]["networks"] == ["federation"]


def test_a_worker_has_no_way_to_the_database(services):
    assert "control" not in services["worker"]["networks"]
    assert services["database"]["networks"] == ["control"]


@pytest.mark.parametrize(
    ("network", "service", "keys"), [("store", "store", "aws_credentials"), ("queue", "broker", "broker_url")]
)
def test_only_who_has_its_keys_comes_to_a_service(services, secret_holders, network, service, keys):
    there = {name for name, service in services.items() if network in service.get("networks", [])}
    assert there == {service} | secret_holders(keys)


def test_what_goes_on_running_says_whether_it_is_healthy(services):
    assert {name for name, service in services.items() if "healthcheck" not in service} == ONE_SHOT


def test_the_order_is_by_readiness(services):
    for service in services.values():
        for name, needed in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if name in ONE_SHOT else "service_healthy"
            assert needed["condition"] == wanted


def test_nothing_is_published_but_on_loopback(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert published == {"api-server": ["127.0.0.1:${AIRFLOW_PORT:-8080}:8080"]}


def test_the_servers_health_is_a_listening_socket():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        assert not node_health.healthy("listening", port)
        server.listen()
        assert node_health.healthy("listening", port)
        assert not node_health.healthy("connected", port)
    assert not node_health.healthy("listening", port)


def test_a_sites_health_is_a_connection_to_the_server():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()):
            assert node_health.healthy("connected", server.getsockname()[1])
