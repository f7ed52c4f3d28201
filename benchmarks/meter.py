"""Measures what a call costs this machine: time, and the processors' time at the server and at the client."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

IDLE_SECONDS = 5.0


@dataclass(frozen=True)
class Cost:
    """Seconds of one call.

    :param elapsed: from the call to its answer.
    :param server: of the processors, for the server; what it uses without any call is taken off.
    :param client: of the processors, for this process and the session host.
    """

    elapsed: float
    server: float
    client: float


class Meter:
    """Measures calls to a server that nobody else calls.

    :param server: the ids of the server's processes.
    :param host: the ids of the session host's processes.
    """

    def __init__(self, server: Collection[int], host: Collection[int]) -> None:
        self._server = server
        self._host = host
        began, used = time.perf_counter(), processor_seconds(server)
        time.sleep(IDLE_SECONDS)
        self._idle = (processor_seconds(server) - used) / (time.perf_counter() - began)

    def cost(self, call: Callable[[], Any], calls: int) -> Cost:
        """Call several times, and once before.

        :return: what one call cost.
        """
        call()
        server, client, began = processor_seconds(self._server), self._client_seconds(), time.perf_counter()
        for _ in range(calls):
            call()
        elapsed = time.perf_counter() - began
        server = processor_seconds(self._server) - server - self._idle * elapsed
        return Cost(elapsed / calls, max(server, 0.0) / calls, (self._client_seconds() - client) / calls)

    def _client_seconds(self) -> float:
        return time.process_time() + processor_seconds(self._host)


def processor_seconds(processes: Collection[int]) -> float:
    """The processors' seconds that processes have used so far."""
    ticks = 0
    for process in processes:
        # proc(5): behind the name in brackets, utime and stime come as the 12th and 13th field.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
