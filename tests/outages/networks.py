"""Two networks with one wire between them, which can be cut: Linux network namespaces. Needs root and iproute2.

``ip netns exec`` lays the files below ``/etc/netns/<name>`` over those in ``/etc``, so that each side knows the
federation's host by a name that nobody else knows.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

HOST = "flare.outages.example"
WIRE = "wire"
# Inside the namespaces only; nothing of this machine's own network has to be free of them.
AIRFLOW_ADDRESS, FEDERATION_ADDRESS = "10.77.0.1", "10.77.0.2"
# Locally administered, and nobody's.
NOBODY = "02:00:00:00:00:00"


class Side:
    """One of the two networks, by the name of its namespace.

    :param name: the namespace's name, unique on this machine.
    :param address: this side's address on the wire.
    """

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.address = address
        self._files = Path("/etc/netns") / name

    @property
    def command_prefix(self) -> list[str]:
        """The words before a command that make it run there."""
        return ["ip", "netns", "exec", self.name]

    def make(self) -> None:
        """Make the namespace, with its loopback and its hosts."""
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        self._files.mkdir(parents=True)
        (self._files / "hosts").write_text(f"127.0.0.1 localhost\n{FEDERATION_ADDRESS} {HOST}\n")

    def connect(self) -> None:
        """Put the wire's end into use."""
        ip("-n", self.name, "addr", "add", f"{self.address}/30", "dev", WIRE)
        ip("-n", self.name, "link", "set", WIRE, "up")

    def hardware_address(self) -> str:
        """The address of the wire's end, below IP."""
        answer = json.loads(ip("-n", self.name, "-json", "link", "show", WIRE))
        return str(answer[0]["address"])

    def send_to(self, address: str, hardware_address: str) -> None:
        """Send the packets for an address to a hardware address from now on, whoever has it."""
        ip("-n", self.name, "neigh", "replace", address, "lladdr", hardware_address, "nud", "permanent", "dev", WIRE)

    def remove(self) -> None:
        """Remove the namespace and its files, and with it its end of the wire."""
        with contextlib.suppress(subprocess.CalledProcessError):
            ip("netns", "del", self.name)
        shutil.rmtree(self._files, ignore_errors=True)
        with contextlib.suppress(OSError):
            self._files.parent.rmdir()


class Networks:
    """Airflow's network and the federation's, and the wire between them; a context manager that makes all that.

    :param name: how the namespaces' names begin, unique on this machine; default: from this process's id. Of
        networks that another process has made, its name.
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or f"outages-{os.getpid()}"
        self.airflow = Side(f"{self.name}-airflow", AIRFLOW_ADDRESS)
        self.federation = Side(f"{self.name}-federation", FEDERATION_ADDRESS)

    def __enter__(self) -> Networks:
        try:
            self.airflow.make()
            self.federation.make()
            ends = [["name", WIRE, "netns", side.name] for side in (self.airflow, self.federation)]
            ip("link", "add", *ends[0], "type", "veth", "peer", *ends[1])
            self.airflow.connect()
            self.federation.connect()
            self.heal()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def cut(self) -> None:
        """Lose all packets from now on, in both directions and without a word: connections hang.

        Not by ``ip link set down``: that takes the side's routes with it, so that its connections fail at once.
        """
        self.lose_requests()
        self.lose_replies()

    def lose_requests(self) -> None:
        """Lose all packets from Airflow to the federation."""
        self.airflow.send_to(FEDERATION_ADDRESS, NOBODY)

    def lose_replies(self) -> None:
        """Lose all packets from the federation to Airflow."""
        self.federation.send_to(AIRFLOW_ADDRESS, NOBODY)

    def heal(self) -> None:
        """Let all packets arrive again."""
        self.airflow.send_to(FEDERATION_ADDRESS, self.federation.hardware_address())
        self.federation.send_to(AIRFLOW_ADDRESS, self.airflow.hardware_address())

    def remove(self) -> None:
        """Remove what is there of it; every process in it has to be gone."""
        self.airflow.remove()
        self.federation.remove()


def why_no_networks() -> str:
    """What is missing on this machine to make networks; ``""`` if nothing is."""
    if os.getuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need the command ip, of iproute2"
    try:
        with Networks():
            return ""
    except (OSError, subprocess.CalledProcessError) as error:
        return f"no network namespaces can be made here: {error} {getattr(error, 'stderr', '')}"


def ip(*arguments: str) -> str:
    """Run ``ip``; gives what it printed."""
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout
