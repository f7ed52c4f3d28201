"""A pipeline together with the parameter sets it is to run with."""

from __future__ import annotations

import hashlib
import json
from typing import Any

CUSTOM_PROPERTY = "airflow_provider_dfm"
SERVER = "server"


class BoundPipeline:
    """A prepared pipeline and its parameter sets.

    :param prepared: an ``nv_dfm_core.api.PreparedPipeline``.
    :param parameter_sets: one dict a set; checked before.
    :param places: the yield places that get a value for every set.
    :param parameters: where the value of each parameter place goes, see ``parameter_places.parameter_fields``.
    """

    def __init__(
        self,
        prepared: Any,
        parameter_sets: list[dict[str, Any]],
        places: list[str],
        parameters: dict[str, list[dict[str, str]]],
    ) -> None:
        self.prepared = prepared
        self.parameter_sets = parameter_sets
        self.places = places
        self.parameters = parameters

    def content(self) -> str:
        """A SHA-256 over all that the job will do, in hexadecimal."""
        # bind() adds an empty one for the server, and a pipeline can be bound more than once.
        net_irs = {site: net_ir for site, net_ir in self.prepared.net_irs().items() if net_ir.transitions}
        parts = {
            "federation": self.prepared.federation_module,
            "homesite": self.prepared.homesite,
            "api_version": self.prepared.api_version,
            "net_irs": {site: net_ir.model_dump(mode="json") for site, net_ir in net_irs.items()},
            "parameter_sets": self.parameter_sets,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def custom_properties(self, ends_at: float | None) -> dict[str, Any]:
        """What the job's meta keeps for whoever finds it.

        :param ends_at: when the job's time is over, in seconds since 1970; None: never.
        :return: what has to come back for the job to be done, its content and its end.
        """
        properties = {
            "parameter_sets": len(self.parameter_sets),
            "places": self.places,
            "yields": self._yields(),
            "parameters": self.parameters,
            "sites": sorted(self.prepared.net_irs()),
            "content": self.content(),
            "ends_at": ends_at,
        }
        return {CUSTOM_PROPERTY: properties}

    def _yields(self) -> dict[str, int]:
        """Place to how many statements yield to it; whoever follows the job knows by it what can still come."""
        counts: dict[str, int] = {}
        for net_ir in self.prepared.net_irs().values():
            for transition in net_ir.transitions:
                for statement in transition.fire_body:
                    # The others are the set's end, at the status place, and what sites send to each other.
                    if getattr(statement, "is_yield", False) and statement.kind == "data":
                        counts[statement.place] = counts.get(statement.place, 0) + 1
        return counts

    def bind(self) -> dict[str, Any]:
        """Each site's part of the pipeline, with its parameters: site to ``BoundNetIR``.

        The server always takes part: it is where the results go through.
        """
        from nv_dfm_core.exec import FlowInfo, Frame
        from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME, NetIR

        server = NetIR(pipeline_name=self.prepared.pipeline_name, site=SERVER, transitions=[])
        self.prepared.net_irs().setdefault(SERVER, server)
        # As in nv_dfm_core/session/_session.py, Session.execute.
        start = {START_PLACE_NAME: FlowInfo()}
        params: list[tuple[Any, dict[str, Any]]] = []
        frame = Frame.start_frame(num=0)
        for parameter_set in self.parameter_sets:
            params.append((frame, parameter_set | start))
            frame = frame.with_loop_inc()
        params.append((Frame.stop_frame(), dict(start)))
        return dict(self.prepared.bind_net_irs(input_params=params))
