"""The health check of a federation's container, for what ``/proc`` can tell: it costs a site nothing.

``node_health.py listening PORT`` for the FLARE server, ``node_health.py connected PORT`` for a site.
"""

from __future__ import annotations

import sys
from pathlib import Path

# The states of a TCP socket in /proc/net/tcp: the kernel's include/net/tcp_states.h.
ESTABLISHED, LISTEN = "01", "0A"


def sockets() -> list[tuple[int, int, str]]:
    """The TCP sockets of this container: each one's own port, its peer's port, its state."""
    found = []
    for name in ("tcp", "tcp6"):
        table = Path("/proc/net", name)
        # A kernel without IPv6 has no such table for it.
        for line in table.read_text().splitlines()[1:] if table.exists() else []:
            own, peer, state = line.split()[1:4]
            found.append((_port(own), _port(peer), state))
    return found


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def healthy(wanted: str, port: int) -> bool:
    """Whether this container is what it should be.

    :param wanted: ``listening``, or ``connected`` to a server
    :param port: the server's
    """
    if wanted == "listening":
        return any(own == port and state == LISTEN for own, _, state in sockets())
    return any(peer == port and state == ESTABLISHED for _, peer, state in sockets())


if __name__ == "__main__":
    sys.exit(0 if healthy(sys.argv[1], int(sys.argv[2])) else 1)
