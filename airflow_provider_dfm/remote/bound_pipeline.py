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
    """

    def __init__(self, prepared: Any, parameter_sets: list[dict[str, Any]], places: list[str]) -> None:
        self.prepared = prepared
        self.parameter_sets = parameter_sets
        self.places = places

    def content(self) -> str:
        """A SHA-256 over all that the job will do, in hexadecimal."""
        irs = self.prepared.net_irs()
        parts = {
            "federation": self.prepared.federation_module,
            "homesite": self.prepared.homesite,
            "api_version": self.prepared.api_version,
            "net_irs": {site: irs[site].model_dump(mode="json") for site in irs},
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
            "sites": sorted(self.prepared.net_irs()),
            "content": self.content(),
            "ends_at": ends_at,
        }
        return {CUSTOM_PROPERTY: properties}

    def bind(self) -> dict[str, Any]:
        """Each site's part of the pipeline, with its parameters: site to ``BoundNetIR``.

        The server always takes part: it is where the results go through.
        """
        from nv_dfm_core.exec import FlowInfo, Frame
        from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME, NetIR

        irs = self.prepared.net_irs()
        if SERVER not in irs:
            irs[SERVER] = NetIR(pipeline_name=self.prepared.pipeline_name, site=SERVER, transitions=[])
        # As in nv_dfm_core/session/_session.py, Session.execute.
        start = {START_PLACE_NAME: FlowInfo()}
        params: list[tuple[Any, dict[str, Any]]] = []
        frame = Frame.start_frame(num=0)
        for parameter_set in self.parameter_sets:
            params.append((frame, parameter_set | start))
            frame = frame.with_loop_inc()
        params.append((Frame.stop_frame(), dict(start)))
        return dict(self.prepared.bind_net_irs(input_params=params))
