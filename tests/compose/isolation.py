"""What a container must not be able to do: reach what is not its own, hold what is not its own, be root."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.compose.cluster import Cluster

# Where each shared service listens.
PORTS = {"database": 5432, "broker": 6379, "store": 8333, "api-server": 8080, "flare-server": 8002}
REACHES = {
    "worker": {"broker", "store", "api-server", "flare-server"},
    "triggerer": {"database", "store", "api-server", "flare-server"},
    "scheduler": {"database", "broker", "api-server"},
    "dag-processor": {"database", "api-server"},
    "api-server": {"database", "store", "api-server"},
    "flare-server": {"flare-server"},
    "seattle": {"flare-server"},
    "san-francisco": {"flare-server"},
}
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"
DATA = {"seattle": ["seattle"], "san-francisco": ["san_francisco"]}


def isolation_faults(cluster: Cluster) -> list[str]:
    """What is wrong with the walls between the containers."""
    return [*_network_faults(cluster), *_user_faults(cluster), *_data_faults(cluster), *_secret_faults(cluster)]


def _network_faults(cluster: Cluster) -> Iterator[str]:
    for service, wanted in REACHES.items():
        container = cluster.container(service)
        for name, port in PORTS.items():
            reached = cluster.engine.succeeds(container, "python", "-c", CONNECT, name, str(port))
            if reached != (name in wanted):
                yield f"{service} {'reaches' if reached else 'does not reach'} {name}"


def _user_faults(cluster: Cluster) -> Iterator[str]:
    for service in cluster.engine.services:
        for container in cluster.engine.containers(service):
            user = cluster.engine.run("inspect", "--format", "{{.Config.User}}", container).strip()
            if user.partition(":")[0] in ("", "0", "root"):
                yield f"{service} runs as root"


def _data_faults(cluster: Cluster) -> Iterator[str]:
    for service, wanted in DATA.items():
        found = cluster.engine.execute(cluster.container(service), "ls", "/data").split()
        if found != wanted:
            yield f"{service} holds the data of {found}"
    worker = cluster.container("worker")
    held = set(cluster.engine.execute(worker, "ls", "/secrets").split())
    if held != {"api_secret_key", "aws_credentials", "broker_url", "result_backend"}:
        yield f"A worker holds {sorted(held)}"


def _secret_faults(cluster: Cluster) -> Iterator[str]:
    secrets = _secrets(cluster)
    for service in cluster.engine.services:
        for container in cluster.engine.containers(service):
            told = {
                "settings": cluster.engine.run("inspect", container),
                "log": cluster.engine.log(container),
            }
            for where, text in told.items():
                for name in (name for name, value in secrets.items() if value in text):
                    yield f"The {where} of {service} show the secret {name}"


def _secrets(cluster: Cluster) -> dict[str, str]:
    """All secrets of the cluster by name, as setup keeps them in a volume that no running container has."""
    engine = cluster.engine
    image = engine.services["setup"]["image"]
    state = f"{engine.project}_setup-state:/setup/state:ro"
    command = ["run", "--rm", "--network", "none", "--volume", state, image, "cat", "/setup/state/secrets.json"]
    known: dict[str, str] = json.loads(engine.run(*command))
    return known
