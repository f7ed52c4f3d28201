"""Builds the images of docker-compose.yaml, starts the cluster, tries it, takes it down: ``make compose-check``."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from demo.__main__ import Progress
from demo.airflow_api import AirflowError
from demo.child_process import free_ports
from tests.compose.cluster import Cluster
from tests.compose.engine import ComposeError, Engine, find_engine
from tests.compose.isolation import isolation_faults
from tests.compose.runs import connection_faults, killing_run, quiet_run, retried_run, store_faults
from tests.compose.stand_ins import build_stand_ins, stand_in_variables

PROJECT = "dfm-compose-check"
IMAGES = f"localhost/{PROJECT}"
CONTAINERS_CONF = Path(__file__).resolve().parent / "stand_ins" / "containers.conf"


def check(engine: Engine, port: int, tell: Callable[[str], None]) -> list[str]:
    """Start the cluster, and try it.

    :param engine: what runs it
    :param port: where its API server is published
    :param tell: gets a line at each step
    :return: what is wrong
    """
    tell("Starting the cluster, each container once what it needs is ready")
    engine.up()
    cluster = Cluster(engine, port)
    tell("All containers are healthy; the demo DAG, undisturbed")
    faults = quiet_run(cluster, tell)
    tell("The demo DAG, with a worker and the triggerer killed while the job runs")
    faults += killing_run(cluster, tell)
    tell("The demo DAG, with a worker killed while it submits")
    faults += retried_run(cluster, tell)
    tell("The test of the connection, and the store stopped and started again")
    faults += connection_faults(cluster) + store_faults(cluster)
    tell("Looking at what each container can reach and holds")
    return faults + isolation_faults(cluster)


def main() -> int:
    """Run the check; 0 when all is as it should be."""
    options = argparse.ArgumentParser(prog="make compose-check", description=__doc__)
    options.add_argument("--stand-ins", action="store_true", help="build stand-ins for the images of others")
    options.add_argument("--keep", action="store_true", help="keep the images for the next check")
    chosen = options.parse_args()
    # What is up is taken down then, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    tell = Progress()
    (port,) = free_ports(1)
    environment = {"AIRFLOW_PORT": str(port), "IMAGES": IMAGES}
    if chosen.stand_ins:
        environment |= stand_in_variables(IMAGES)
        environment["CONTAINERS_CONF"] = os.environ.get("CONTAINERS_CONF", str(CONTAINERS_CONF))
    started = time.monotonic()
    try:
        engine = find_engine(PROJECT, environment)
        tell(f"{engine.program} {engine.version()} on {platform.machine()}, {os.cpu_count()} cores")
        faults = _build_and_check(engine, port, chosen, tell)
    except (ComposeError, AirflowError, TimeoutError) as error:
        print(f"The check failed: {error}", file=sys.stderr)
        return 1
    print("\n".join(faults) or f"All is as it should be, after {time.monotonic() - started:.0f} s.", flush=True)
    return 1 if faults else 0


def _build_and_check(engine: Engine, port: int, chosen: argparse.Namespace, tell: Callable[[str], None]) -> list[str]:
    try:
        if chosen.stand_ins:
            tell("Building stand-ins for the base image, the database, the broker and the store")
            build_stand_ins(engine, IMAGES)
        tell("Building the images")
        engine.build()
        faults = check(engine, port, tell)
    finally:
        tell("Taking everything down")
        engine.down()
        if not chosen.keep:
            engine.remove_images()
    return faults + [f"Left behind: {name}" for name in engine.leftovers()]


if __name__ == "__main__":
    sys.exit(main())
