"""What runs the containers: Docker, or Podman where there is no Docker engine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker-compose.yaml"
STEP_SECONDS = 600.0
BUILD_SECONDS = 3000.0


class ComposeError(RuntimeError):
    """A container, or the engine, did not do what it was asked to."""


class Engine:
    """Docker with its compose plugin.

    :param project: the name of everything it makes
    :param environment: what the compose file's variables get
    """

    program = "docker"

    def __init__(self, project: str, environment: Mapping[str, str]) -> None:
        self.project = project
        self.environment = {**os.environ, **environment}

    @property
    def compose_command(self) -> list[str]:
        """The compose command's first words."""
        return ["docker", "compose", "--project-name", self.project]

    @cached_property
    def services(self) -> dict[str, Any]:
        """The compose file's services, as the compose command reads them."""
        services: dict[str, Any] = yaml.safe_load(self.compose("config"))["services"]
        return services

    def version(self) -> str:
        """The engine's version."""
        return self.run("version", "--format", "{{.Client.Version}}").strip()

    def build(self) -> None:
        """Build all images."""
        self.compose("build", timeout=BUILD_SECONDS)

    def up(self) -> None:
        """Start all containers, and wait until they are healthy."""
        self.compose("up", "--detach", "--no-build", timeout=STEP_SECONDS)
        self.wait_until_all_healthy()

    def down(self) -> None:
        """End all containers; remove them, their networks and their volumes."""
        self.compose("down", "--volumes", timeout=STEP_SECONDS)

    def containers(self, service: str) -> list[str]:
        """The ids of a service's containers, those that ended included, in the order of their numbers."""
        filters = [f"--filter=label=com.docker.compose.project={self.project}"]
        filters += [f"--filter=label=com.docker.compose.service={service}"] if service else []
        listed = self.run("ps", "--all", "--format", "{{.Names}} {{.ID}}", *filters)
        return [line.split()[1] for line in sorted(listed.splitlines())]

    def execute(self, container: str, *command: str, timeout: float = 120) -> str:
        """Run a command in a running container; gives what it printed.

        :raises ComposeError: it failed
        """
        return self.run("exec", container, *command, timeout=timeout)

    def succeeds(self, container: str, *command: str) -> bool:
        """Whether a command in a running container ends with 0."""
        try:
            self.execute(container, *command)
        except ComposeError:
            return False
        return True

    def kill(self, container: str) -> None:
        """End a container at once and without notice, as a crash would."""
        self.run("kill", container)

    def start(self, container: str) -> None:
        """Start a container that was killed, unless its restart policy did."""
        self.run("start", container)

    def wait_until_healthy(self, container: str, timeout: float = 300) -> None:
        """Wait for a container's health check to pass.

        :raises ComposeError: it does not in time; the message has the end of the container's log
        """
        deadline = time.monotonic() + timeout
        while not self.healthy(container):
            if time.monotonic() > deadline:
                raise ComposeError(f"{container} is not healthy after {timeout:.0f} s:\n{self.last_lines(container)}")
            time.sleep(2)

    def wait_until_all_healthy(self) -> None:
        """Wait for the health check of every container that has one."""
        for name, service in self.services.items():
            if "healthcheck" in service:
                for container in self.containers(name):
                    self.wait_until_healthy(container)

    def healthy(self, container: str) -> bool:
        """Whether a container's health check passed the last time."""
        return self.run("inspect", "--format", "{{.State.Health.Status}}", container).strip() == "healthy"

    def log(self, container: str) -> str:
        """All that a container printed."""
        return self.run("logs", container, stderr=subprocess.STDOUT)

    def last_lines(self, container: str, count: int = 25) -> str:
        """The end of what a container printed."""
        return "\n".join(self.log(container).splitlines()[-count:])

    def leftovers(self) -> list[str]:
        """The names of containers, volumes and networks that the project has left."""
        named = [
            self.run("ps", "--all", "--format", "{{.Names}}"),
            self.run("volume", "ls", "--format", "{{.Name}}"),
            self.run("network", "ls", "--format", "{{.Name}}"),
        ]
        return [name for lines in named for name in lines.splitlines() if self.project in name]

    def images(self) -> list[str]:
        """The images that were built for the project."""
        names = self.run("images", "--format", "{{.Repository}}").splitlines()
        return sorted({name for name in names if self.project in name})

    def remove_images(self) -> None:
        """Remove the images that were built for the project."""
        for image in self.images():
            self.run("rmi", "--force", image)

    def compose(self, *arguments: str, timeout: float = 120) -> str:
        """Run the compose command; gives what it printed.

        :raises ComposeError: it failed
        """
        return self._run([*self.compose_command, *arguments], timeout)

    def run(self, *arguments: str, timeout: float = 120, stderr: int = subprocess.PIPE) -> str:
        """Run the engine's own command; gives what it printed.

        :raises ComposeError: it failed
        """
        return self._run([self.program, *arguments], timeout, stderr)

    def _run(self, command: Sequence[str], timeout: float, stderr: int = subprocess.PIPE) -> str:
        try:
            done = subprocess.run(
                command,
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                timeout=timeout,
                text=True,
                errors="replace",
            )
        except subprocess.TimeoutExpired:
            raise ComposeError(f"{' '.join(command[:6])} … does not end in {timeout:.0f} s") from None
        if done.returncode:
            said = "\n".join(f"{done.stdout}\n{done.stderr or ''}".strip().splitlines()[-25:])
            raise ComposeError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
        return done.stdout


class Podman(Engine):
    """Podman with podman-compose.

    Before 4.6, podman cannot wait for health, and without systemd it runs no health check on its timer: here the
    compose file's ``depends_on`` is waited for one service after the other, and each health check is asked for.
    """

    program = "podman"

    @property
    def compose_command(self) -> list[str]:
        return [str(Path(sys.executable).with_name("podman-compose")), "--project-name", self.project]

    def build(self) -> None:
        # By the machine's own network, which is where a package registry is reached from for sure. One after the other,
        # for the next to take the layers of the one before: at once, each would make the same ones.
        command = [*self.compose_command, "--podman-build-args=--network host", "build"]
        for name in (name for name, service in self.services.items() if "build" in service):
            self._run([*command, name], BUILD_SECONDS)

    def up(self) -> None:
        started: list[str] = []
        while waiting := [name for name in self.services if name not in started]:
            ready = [name for name in waiting if set(self._conditions(name)) <= set(started)]
            if not ready:
                raise ComposeError(f"These services depend on each other: {', '.join(waiting)}")
            for name in ready:
                for other, condition in self._conditions(name).items():
                    self._wait_for(other, condition)
                self.compose("up", "--detach", "--no-build", "--no-deps", name)
                started.append(name)
        self.wait_until_all_healthy()

    def healthy(self, container: str) -> bool:
        try:
            self.run("healthcheck", "run", container)
        except ComposeError:
            return False
        return True

    def _conditions(self, service: str) -> dict[str, str]:
        needed = self.services[service].get("depends_on", {})
        return {name: needed[name]["condition"] for name in needed}

    def _wait_for(self, service: str, condition: str) -> None:
        for container in self.containers(service):
            if condition == "service_healthy":
                self.wait_until_healthy(container)
            elif condition == "service_completed_successfully":
                code = self.run("wait", container, timeout=STEP_SECONDS).strip()
                if code != "0":
                    raise ComposeError(f"{service} ended with {code}:\n{self.last_lines(container)}")


def find_engine(project: str, environment: Mapping[str, str]) -> Engine:
    """Docker where its engine answers, else Podman.

    :param project: the name of everything that the engine makes
    :param environment: what the compose file's variables get
    :raises ComposeError: there is neither
    """
    for engine in (Engine(project, environment), Podman(project, environment)):
        try:
            engine.run("info")
        except (ComposeError, FileNotFoundError):
            continue
        return engine
    raise ComposeError("Neither a Docker engine nor Podman answers: install one of them.")
