"""What each site has to do with a pipeline, for its server's process to hold the site's messages against.

This module makes it from the prepared pipeline in the session host, and reads it in the job, with which it travels.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from .incoming_tokens import SitePart

# nv_dfm_core/api/_yield.py
DISCOVERY_PLACE = "_dfm_discovery_"
# The fields of DFM's statements that name a target, as site and place: nv_dfm_core/gen/modgen/ir/_ir_stmts.py
_TARGETS = ("", "taken_", "not_taken_", "fork_", "stop_iteration_")
_RECEIVERS = ("data_receivers", "sync_receivers")


def part_of(net_ir: Any, key: str) -> SitePart:
    """What a site has to do with a pipeline.

    :param net_ir: the site's NetIR.
    :param key: what its messages are sealed with.
    """
    yields: Counter[str] = Counter()
    sends: set[tuple[str, str]] = set()
    for transition in net_ir.transitions:
        for body in (transition.fire_body, transition.signal_error_body, transition.signal_stop_body):
            for statement in body:
                if getattr(statement, "is_yield", False):
                    # Each value counts; an error comes instead of one, and the pipeline's end once more.
                    yields[statement.place] += body is transition.fire_body
                elif type(statement).__name__ == "SendDiscoveryStmt":
                    yields[DISCOVERY_PLACE] += 1
                else:
                    sends.update(_targets(statement))
    return SitePart(key, dict(yields), frozenset(sends))


def _targets(statement: Any) -> Iterator[tuple[str, str]]:
    for prefix in _TARGETS:
        if hasattr(statement, f"{prefix}place") and hasattr(statement, f"{prefix}site"):
            yield getattr(statement, f"{prefix}site"), getattr(statement, f"{prefix}place")
    for name in _RECEIVERS:
        yield from (tuple(receiver) for receiver in getattr(statement, name, ()))


def write_parts(parts: dict[str, SitePart]) -> str:
    """The sites' parts as base64 text, which NVFLARE's configuration leaves as it is.

    :param parts: site to its part.
    """
    plain = {
        site: {"key": part.key, "yields": part.yields, "sends": sorted(part.sends)} for site, part in parts.items()
    }
    return base64.b64encode(json.dumps(plain).encode()).decode()


def read_parts(text: str) -> dict[str, SitePart]:
    """The sites' parts.

    :param text: what :func:`write_parts` gave.
    """
    plain = json.loads(base64.b64decode(text))
    return {
        site: SitePart(part["key"], part["yields"], frozenset((to, place) for to, place in part["sends"]))
        for site, part in plain.items()
    }
