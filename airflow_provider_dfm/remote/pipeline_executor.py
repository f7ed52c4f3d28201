"""What a DFM job brings with it for its sites: an executor that sends what they yield, and tells failures.

This module travels with each job, in the ``custom`` folder of the sites' apps, and so do those that it imports from
beside it. It runs in their job processes, as a subclass of DFM's own executor.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from nv_dfm_core.targets.flare._executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.utils.reliable_message import ReliableMessage

from .authenticated_peers import AuthenticatedPeers
from .frame_feeder import SERVER, TOPIC_FRAMES, TOPIC_READY, FrameFeeder, deliver
from .incoming_messages import ServerMessages
from .message_seal import MessageSeal
from .outbox import TOPIC_DONE, TOPIC_RESULTS, Outbox
from .plain_tokens import PlainYields
from .site_failure import site_failure
from .token_routes import make_router_deliver, send_results_first, token_package
from .value_sender import TOPIC_VALUES, ValueSender
from .wind_down import mend_wind_down


class PipelineExecutor(Executor):
    """Runs a site's part of a pipeline.

    :param encoded_net_ir: the site's BoundNetIR as base64 JSON.
    :param key: what the messages between the server and this site are sealed with.
    :param force_modgen: generate the site's code anew.
    :param is_open: whether the pipeline takes further parameter sets while it runs.
    """

    def __init__(
        self,
        submitted_api_version: str,
        federation_name: str,
        homesite: str,
        encoded_net_ir: str,
        key: str,
        force_modgen: bool = False,
        is_open: bool = False,
    ) -> None:
        super().__init__(
            submitted_api_version=submitted_api_version,
            federation_name=federation_name,
            homesite=homesite,
            bound_net_ir=json.loads(base64.b64decode(encoded_net_ir)),
            force_modgen=force_modgen,
        )
        self._key = key
        self._is_open = is_open
        self._outbox: Outbox | None = None
        self._messages: ServerMessages | None = None

    def _on_prepare_execution_task(self, fl_ctx: Any) -> None:
        mend_wind_down()
        AuthenticatedPeers.install(fl_ctx.get_engine())
        seal = MessageSeal(self._key, fl_ctx.get_job_id())
        self._messages = ServerMessages(seal)
        super()._on_prepare_execution_task(fl_ctx)
        make_router_deliver(self._router, lambda recipient: seal)
        feeder = FrameFeeder(self._job_controller)
        self._messages.fail = feeder.fail

        def send(topic: str, parts: list[Any]) -> None:
            deliver(SERVER, topic, parts, seal, fl_ctx, self._abort_signal)

        self._outbox = Outbox(lambda number, lines: send(TOPIC_RESULTS, [str(number), *lines]), feeder.fail)
        send_results_first(self._router, self._outbox)
        PlainYields(self._router, ValueSender(lambda parts: send(TOPIC_VALUES, parts)).keep)
        if self._is_open:
            frames = self._messages.receiving(feeder.receive)
            ReliableMessage.register_request_handler(topic=TOPIC_FRAMES, handler_f=frames, fl_ctx=fl_ctx)
            deliver(SERVER, TOPIC_READY, [], seal, fl_ctx, self._abort_signal)

    def _on_send_to_place_topic(self, topic: str, request: Any, fl_ctx: Any) -> Any:
        assert self._messages is not None
        return self._messages.receiving(self._take_token)(topic, request, fl_ctx)

    def _take_token(self, parts: list[str]) -> None:
        self._router.route_token_package_sync(token_package(json.loads("".join(parts))))

    def execute(self, task_name: str, shareable: Any, fl_ctx: Any, abort_signal: Any) -> Any:
        try:
            reply = super().execute(task_name, shareable, fl_ctx, abort_signal)
            sent = self._outbox.flush() if self._outbox is not None else 0
            # DFM answers OK even when its net runner gave up: nv_dfm_core/targets/flare/_executor.py, execute
            if self._job_controller and self._job_controller.error_occurred():
                return site_failure(repr(self._job_controller.get_panic_error()))
            if reply.get_return_code() == ReturnCode.OK and not abort_signal.triggered:
                seal = MessageSeal(self._key, fl_ctx.get_job_id())
                deliver(SERVER, TOPIC_DONE, [str(sent)], seal, fl_ctx, abort_signal)
        except Exception as error:
            # The site's administrator needs the whole of it; the controller gets the reason.
            self.log_exception(fl_ctx, "the DFM pipeline failed at this site")
            return site_failure(f"{type(error).__name__}: {error}")
        return reply
