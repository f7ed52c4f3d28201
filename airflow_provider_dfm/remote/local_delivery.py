"""Sends parameter sets to a running job of the local target."""

from __future__ import annotations

from collections import deque
from typing import Any


class LocalDelivery:
    """Brings what is sent to an open pipeline to its sites, as DFM's job does, token by token.

    DFM's own (nv_dfm_core/session/_job.py, ``send_input_params``) counts a set that it could not bring, and begins
    with the first token again when it is repeated.

    :param job: DFM's.
    """

    def __init__(self, job: Any) -> None:
        self._job = job
        self._tokens: deque[Any] = deque()

    def deliver(self, frames: list[tuple[int, dict[str, Any]]], stop: bool) -> None:
        """Bring the sets, and the stop after them; after an error, what of them is not there yet.

        :param frames: index and values of each set.
        :param stop: whether the pipeline is to end after them.
        :raises Exception: not all of it could be brought.
        """
        if not self._tokens:
            self._tokens.extend(self._tokens_of(frames, stop))
        while self._tokens:
            self._job._send_token_package_internal(self._tokens[0])
            self._tokens.popleft()

    def _tokens_of(self, sets: list[tuple[int, dict[str, Any]]], stop: bool) -> list[Any]:
        from nv_dfm_core.exec import FlowInfo, Frame, TokenPackage
        from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME

        start = {START_PLACE_NAME: FlowInfo()}
        frames = [(Frame.start_frame(num=index), values | start) for index, values in sets]
        if stop:
            frames.append((Frame.stop_frame(), start))
        return [
            TokenPackage(
                source_site=self._job._homesite,
                source_node=None,
                source_job=self._job.job_id,
                target_site=net_ir.site,
                target_place=place,
                target_job=self._job.job_id,
                is_yield=False,
                frame=frame,
                tagged_data=tagged,
            )
            # All of a set before the next one, as the sites take them.
            for one in frames
            for net_ir in self._job._pipeline.net_irs().values()
            for frame, params in net_ir.pick_input_params([one])
            for place, tagged in params.items()
        ]
