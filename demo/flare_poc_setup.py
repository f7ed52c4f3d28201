"""The part of :mod:`demo.flare_poc` that runs in the federation's own interpreter.

``provision`` makes the startup kits with nvflare's own provisioning; ``wait`` logs in until every
client is registered. Both take their settings as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ORGANISATION = "demo"
# Left at their defaults, a job waits up to ten seconds to be scheduled.
SCHEDULER = {"min_schedule_interval": 1, "max_schedule_interval": 1}


def provision(settings: dict[str, Any]) -> None:
    """Make the startup kits, and the server's local settings.

    :param settings: ``project``, ``workspace``, ``host``, ``clients``, ``admin``, ``fed_learn_port``, ``admin_port``,
        ``max_schedule_count``, and ``storage``: where the server keeps its jobs; default: beside the kits
    """
    import nvflare.lighter
    from nvflare.lighter.provision import prepare_builders, prepare_project
    from nvflare.lighter.provisioner import Provisioner
    from nvflare.lighter.utils import load_yaml

    # The installed nvflare's own sample, so that builders and their arguments fit its version.
    project = load_yaml(str(Path(nvflare.lighter.__file__).parent / "dummy_project.yml"))
    project["name"] = settings["project"]
    project["participants"] = _participants(settings)
    end_point = "{host}:{fed_learn_port}:{admin_port}".format(**settings)
    for builder in project["builders"]:
        agent = builder.get("args", {}).get("overseer_agent")
        if agent:
            agent["args"]["sp_end_point"] = end_point
    workspace = Path(settings["workspace"])
    Provisioner(str(workspace), prepare_builders(project)).provision(prepare_project(project))
    server = workspace / settings["project"] / "prod_00" / "server"
    scheduler = SCHEDULER | {"max_schedule_count": settings["max_schedule_count"]}
    _write_server_resources(server, Path(settings.get("storage", workspace / "storage")), scheduler)


def _participants(settings: dict[str, Any]) -> list[dict[str, Any]]:
    server = {
        "name": "server",
        "type": "server",
        "org": ORGANISATION,
        "default_host": settings["host"],
        "fed_learn_port": settings["fed_learn_port"],
        "admin_port": settings["admin_port"],
    }
    admin = {
        "name": settings["admin"],
        "type": "admin",
        "org": ORGANISATION,
        "role": "project_admin",
    }
    clients = [{"name": name, "type": "client", "org": ORGANISATION} for name in settings["clients"]]
    return [server, *clients, admin]


def _write_server_resources(server: Path, storage: Path, scheduler: dict[str, int]) -> None:
    text = (server / "local" / "resources.json.default").read_text()
    # By default every server of a machine keeps its jobs in one and the same folder.
    resources = json.loads(text.replace("/tmp/nvflare", storage.as_posix()))
    for component in resources["components"]:
        if component["id"] == "job_scheduler":
            component["args"].update(scheduler)
    (server / "local" / "resources.json").write_text(json.dumps(resources, indent=2))


def wait(settings: dict[str, Any]) -> None:
    """Log in and ask until every client is registered.

    :param settings: ``admin``, ``startup_kit``, ``clients``, ``secure`` and ``timeout`` in seconds
    """
    from nvflare.fuel.flare_api.flare_api import new_insecure_session, new_secure_session

    deadline = time.monotonic() + settings["timeout"]
    problem = "no answer"
    while time.monotonic() < deadline:
        try:
            kit = settings["startup_kit"]
            session = new_secure_session(settings["admin"], kit) if settings["secure"] else new_insecure_session(kit)
            try:
                problem = _wait_for_clients(session, set(settings["clients"]), deadline)
            finally:
                session.close()
        except Exception as error:  # nvflare's versions raise different classes here
            problem = f"{type(error).__name__}: {error}"
        if not problem:
            return
        time.sleep(0.5)
    sys.exit(f"The federation was not ready in {settings['timeout']} s: {problem}")


def _wait_for_clients(session: Any, clients: set[str], deadline: float) -> str:
    missing = clients
    while time.monotonic() < deadline:
        missing = clients - {client.name for client in session.get_system_info().client_info}
        if not missing:
            return ""
        time.sleep(0.3)
    return f"clients not registered: {', '.join(sorted(missing))}"


if __name__ == "__main__":
    commands: dict[str, Callable[[dict[str, Any]], None]] = {"provision": provision, "wait": wait}
    commands[sys.argv[1]](json.loads(sys.argv[2]))
