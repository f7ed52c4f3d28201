"""A pipeline together with the parameter sets it is to run with."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

from airflow_provider_dfm.remote.parameter_places import yield_counts

CUSTOM_PROPERTY = "airflow_provider_dfm"
SERVER = "server"


class BoundPipeline:
    """A prepared pipeline and its parameter sets.

    :param prepared: an ``nv_dfm_core.api.PreparedPipeline``.
    :param parameter_sets: one dict a set; checked before.
    :param places: the yield places that get a value for every set; as many times as they get one.
    :param parameters: where the value of each parameter place goes, see ``parameter_places.parameter_fields``.
    :param autostop: whether the pipeline ends after these sets; otherwise it takes further ones until it is stopped.
    :param discovery: of a pipeline of mode discovery: see ``discovery.discovery_of``.
    :param given: a SHA-256 over what the pipeline's author gave; ``""``: nobody knows.
    :param set_numbers: the sets that are to be done, where an earlier job has answered the others; these keep their
        numbers. None: all.
    :param continues: the earlier job, or None.
    """

    def __init__(
        self,
        prepared: Any,
        parameter_sets: list[dict[str, Any]],
        places: list[str],
        parameters: dict[str, list[dict[str, str]]],
        autostop: bool = True,
        discovery: dict[str, Any] | None = None,
        given: str = "",
        set_numbers: list[int] | None = None,
        continues: str | None = None,
    ) -> None:
        self.prepared = prepared
        self.parameter_sets = parameter_sets
        self.places = places
        self.parameters = parameters
        self.autostop = autostop
        self.discovery = discovery
        self.given = given
        self._set_numbers = set_numbers
        self._continues = continues
        #: Whether who submits it takes it with some of its sets unanswered; that changes nothing of what it does.
        self.accepts_partial = False

    def content(self) -> str:
        """What the job will do, as one or two SHA-256 in hexadecimal, with a space between them.

        The first is over what the author gave; it is not there where nobody knows that. The last is over what DFM made
        of it, which another release of DFM, or other costs in the federation's package, can change. Two jobs are the
        same where one of these is.
        """
        # bind() adds an empty one for the server, and a pipeline can be bound more than once.
        net_irs = {site: net_ir for site, net_ir in self.prepared.net_irs().items() if net_ir.transitions}
        made = {"net_irs": {site: net_ir.model_dump(mode="json") for site, net_ir in net_irs.items()}}
        return " ".join(self._hash(parts) for parts in ({"given": self.given}, made) if parts != {"given": ""})

    def _hash(self, parts: dict[str, Any]) -> str:
        common = {
            "federation": self.prepared.federation_module,
            "homesite": self.prepared.homesite,
            "api_version": self.prepared.api_version,
            "parameter_sets": self.parameter_sets,
            "autostop": self.autostop,
        }
        return hashlib.sha256(json.dumps(common | parts, sort_keys=True).encode()).hexdigest()

    def custom_properties(self, ends_at: float | None) -> dict[str, Any]:
        """What the job's meta keeps for whoever finds it.

        :param ends_at: when the job's time is over, in seconds since 1970; None: never.
        :return: what has to come back for the job to be done, its content and its end.
        """
        properties = {
            "parameter_sets": len(self.parameter_sets),
            "places": sorted(set(self.places)),
            "certain": dict(Counter(self.places)),
            "yields": yield_counts(self.prepared),
            "parameters": self.parameters,
            "sites": sorted(self.prepared.net_irs()),
            "content": self.content(),
            "ends_at": ends_at,
        }
        if self.discovery is not None:
            properties["discovery"] = self.discovery
        if not self.autostop:
            properties["open"] = True
        if self.accepts_partial:
            properties["accepts_partial"] = True
        if self._set_numbers is not None:
            properties |= {"set_numbers": self._set_numbers, "continues": self._continues}
        return {CUSTOM_PROPERTY: properties}

    def open_places(self) -> dict[str, list[str]]:
        """Where parameter sets that are sent later go: site to the places of parameters that it has."""
        from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME

        external = {
            site: net.find_places(kind=None, origin="external") for site, net in self.prepared.net_irs().items()
        }
        return {site: sorted(places - {START_PLACE_NAME}) for site, places in external.items() if places}

    def frames(self) -> list[tuple[Any, dict[str, Any]]]:
        """The parameter sets as DFM takes them, as in nv_dfm_core/session/_session.py, ``Session.execute``."""
        from nv_dfm_core.exec import FlowInfo, Frame
        from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME

        start = {START_PLACE_NAME: FlowInfo()}
        numbers = range(len(self.parameter_sets)) if self._set_numbers is None else self._set_numbers
        frames = [(Frame.start_frame(num=number), self.parameter_sets[number] | start) for number in numbers]
        return [*frames, (Frame.stop_frame(), dict(start))] if self.autostop else frames

    def bind(self) -> dict[str, Any]:
        """Each site's part of the pipeline, with its parameters: site to ``BoundNetIR``.

        The server always takes part: it is where the results go through.
        """
        from nv_dfm_core.gen.modgen.ir import NetIR

        server = NetIR(pipeline_name=self.prepared.pipeline_name, site=SERVER, transitions=[])
        self.prepared.net_irs().setdefault(SERVER, server)
        return dict(self.prepared.bind_net_irs(input_params=self.frames()))
