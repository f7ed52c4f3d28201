"""Long-running processes that end with everything they started, also when their starter is killed.

Each has a keeper of its own (``process_keeper.py``), the reaper of all that comes from it. Linux only.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.process_keeper import descendants

KEEPER = Path(__file__).resolve().parent / "process_keeper.py"
# Longer than the keeper gives its processes before it kills them.
STOP_TIMEOUT = 20.0


class ProcessNotEnded(RuntimeError):
    """A process could not be ended."""


class ChildProcess:
    """A started command.

    :param command: the program and its arguments
    :param log: the file that its output is appended to
    :param environment: all of its environment variables
    :param folder: the folder it runs in
    """

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str], folder: Path) -> None:
        self.log = log
        self._name = " ".join(command)
        with log.open("ab") as output:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", str(KEEPER), str(os.getpid()), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                cwd=folder,
                # Ctrl-C is for the starter, which then ends its processes in order.
                start_new_session=True,
            )

    @property
    def pids(self) -> set[int]:
        """The ids of the keeper's processes: the command and all that came from it."""
        return descendants(self._keeper.pid)

    def poll(self) -> int | None:
        """The command's exit code, None while it runs."""
        return self._keeper.poll()

    def wait(self, timeout: float) -> int:
        """Wait for the command's end.

        :param timeout: seconds
        :return: its exit code
        :raises subprocess.TimeoutExpired: when it has not ended by then
        """
        return self._keeper.wait(timeout)

    def ask_to_end(self) -> None:
        """Send everything of it SIGTERM, and SIGKILL a few seconds later; return at once."""
        self._keeper.terminate()

    def kill(self) -> None:
        """Send everything of it SIGKILL, as a crash would, and wait until it is gone."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        """End everything of it, and wait until it is gone.

        :raises ProcessNotEnded: when something is left
        """
        pids = self.pids
        self._keeper.terminate()
        try:
            self._keeper.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise ProcessNotEnded(f"Does not end: {self._name} (see {self.log})") from None
        left = sorted(pid for pid in pids if _runs(pid))
        if left:
            raise ProcessNotEnded(f"Left running after its end: {left}, of {self._name} (see {self.log})")


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """Choose free TCP ports.

    :param count: how many
    """
    # At random, so that what starts at the same time chooses others. Below the ports that the system hands out:
    # while a server is stopped, a client that tries to reach one of those can be given the very same port and
    # connect to itself.
    candidates = random.sample(range(20000, 32000), 200)
    free = [port for port in candidates if _is_free(port)]
    if len(free) < count:
        raise OSError("No free ports between 20000 and 32000")
    return free[:count]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True
