"""Run one command, and end it with all its descendants when asked or when the parent is gone.

``python process_keeper.py PARENT COMMAND...``, where PARENT is the starting process's id. FLARE
starts job processes in process groups of their own, so ending a group would miss them. The keeper
makes itself their reaper instead (Linux: ``PR_SET_CHILD_SUBREAPER``): whatever the command started
stays below the keeper in the process tree, even when the command itself has died.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
POLL = 0.2
GRACE = 3.0


class Keeper:
    """Keeps one command.

    :param parent: the process whose end is also the end of the command
    """

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._stopping = False

    def run(self, command: list[str]) -> int:
        """Run a command until it ends, the keeper is told to stop, or the parent is gone.

        :param command: the program and its arguments
        :return: the exit code: the command's own, or 0 after a stop
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "cannot become the reaper of the command")
        main = subprocess.Popen(command, stdin=subprocess.DEVNULL).pid
        code = None
        while code is None and not self._stopping and os.getppid() == self._parent:
            code = _reap().get(main)
            time.sleep(POLL)
        end_descendants()
        return code or 0

    def _stop(self, *_: object) -> None:
        self._stopping = True


def end_descendants() -> None:
    """End every process below this one: ask first, kill after a grace time."""
    deadline = time.monotonic() + GRACE
    asked: set[int] = set()
    while True:
        _reap()
        left = descendants(os.getpid())
        if not left:
            return
        kill = time.monotonic() > deadline
        for process in left if kill else left - asked:
            _send(process, signal.SIGKILL if kill else signal.SIGTERM)
        asked |= left
        time.sleep(POLL / 4)


def descendants(root: int) -> set[int]:
    """Find the processes below a process.

    :param root: a process id
    :return: the ids of its children, their children, and so on
    """
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (parent := _parent_of(name)) is not None:
            children.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    ahead = [root]
    while ahead:
        below = children.get(ahead.pop(), [])
        found.update(below)
        ahead.extend(below)
    return found


def _parent_of(process: str) -> int | None:
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8", errors="replace") as stream:
            # The name before the last bracket may hold spaces and brackets itself.
            return int(stream.read().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _send(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _reap() -> dict[int, int]:
    codes: dict[int, int] = {}
    while True:
        try:
            process, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return codes
        if not process:
            return codes
        codes[process] = os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(Keeper(int(sys.argv[1])).run(sys.argv[2:]))
