"""Has DFM prepare a pipeline alike in every process, in whatever order its Python has sets.

DFM takes candidate sites, fields of operations and nodes of its graph from sets, and the first of several that cost
the same is the one. So which site carries out an operation, and how the parts of a pipeline are cut and named, would be
left to the process: to its hash seed, and for nodes to their addresses.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterable
from typing import Any

# Each takes something that matters from a set: the candidate sites (_irgen.py, _create_graph_from_pipeline: the order
# of all that is made for each site, which decides where costs are equal), the nodes that go into a new region
# (_resolve_deadlock_pass.py, _split_region: which edge is cut first), and the operands of a condition.
TAKERS_OF_SETS = (
    "nv_dfm_core.gen.irgen._irgen",
    "nv_dfm_core.gen.irgen.graph.passes._resolve_deadlock_pass",
    "nv_dfm_core.gen.irgen.visitors._collect_bool_expr_node_ids",
)


class OrderedSet(dict[Any, None]):
    """As much of a set as those modules need, in the order in which its members came.

    :param members: the first ones.
    """

    def __init__(self, members: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(members))

    def add(self, member: Any) -> None:
        """Add one; it stays where it is if it is there already."""
        self[member] = None


def keep_order() -> None:
    """Have DFM take in order what it takes from sets. It does not matter how often this is called."""
    from nv_dfm_core.api import Statement

    for name in TAKERS_OF_SETS:
        # Another release of DFM may have other modules. Without this, a job is still known by what its author gave.
        with contextlib.suppress(ModuleNotFoundError):
            module: Any = importlib.import_module(name)
            module.set = OrderedSet
    # The fields that take values from elsewhere, in whose order edges are made and cut:
    # nv_dfm_core/api/_statement.py, get_noderef_and_placeparam_pydantic_fields
    Statement.model_fields_set = property(_fields_in_order)


def sort_candidates(statements: Iterable[Any]) -> None:
    """Sort the sites that operations leave to DFM, which may have come as a set.

    :param statements: the pipeline's.
    """
    from nv_dfm_core.api import BestOf

    for statement in statements:
        site = getattr(statement, "site", None)
        if isinstance(site, BestOf) and site.sites is not None:
            site.sites.sort()


def _fields_in_order(statement: Any) -> OrderedSet:
    given = statement.__pydantic_fields_set__
    return OrderedSet(name for name in type(statement).model_fields if name in given)
