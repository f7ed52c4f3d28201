"""What a DFM job brings with it for its server: a controller that keeps every result, and tells failures.

This module travels with each job, in the ``custom`` folder of the server's app, and so do those that it imports from
beside it. It runs in the job's process there, as a subclass of DFM's own controller. The sites' is in
``pipeline_executor.py``.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import queue
import secrets
import threading
from typing import Any

from nv_dfm_core.targets.flare import FlareOptions
from nv_dfm_core.targets.flare._controller import Controller
from nvflare.apis.controller_spec import TaskCompletionStatus
from nvflare.apis.event_type import EventType
from nvflare.apis.fl_constant import FLContextKey, ReturnCode
from nvflare.apis.utils.reliable_message import ReliableMessage
from nvflare.private.fed.server.server_commands import ServerCommands

from .authenticated_peers import ServerCommandGate
from .frame_feeder import TOPIC_READY, FrameFeeder, Frames, FrameSender
from .incoming_messages import IncomingMessages
from .incoming_tokens import IncomingTokens, SetNumbers
from .incoming_values import IncomingValues
from .job_parts import read_parts
from .message_seal import MessageSeal
from .plain_tokens import PlainYields
from .sent_sets import SentSets
from .site_failure import ERROR, as_all_can_read
from .token_routes import make_router_deliver, token_package
from .token_store import TokenStore
from .value_sender import TOPIC_VALUES
from .value_store import ROOM_BYTES, as_text
from .wind_down import mend_wind_down

FOLDER = "airflow_provider_dfm"
TOPIC_READ_TOKENS = "airflow_provider_dfm.read_tokens"
TOPIC_READ_VALUE = "airflow_provider_dfm.read_value"
TOPIC_SEND = "airflow_provider_dfm.send"
DIED = "died, or went away, before it had finished"
TOO_EARLY = (
    "it does not play by the rules, or another site has answered in its name: the answer that its part is done came "
    "before its own word for it"
)


class ResultsController(Controller):
    """DFM's controller, except that results are kept and a failed site fails the job.

    :param encoded_net_ir: the server's BoundNetIR as base64 JSON.
    :param encoded_parts: what each site has to do with the pipeline; see ``job_parts.py``.
    :param task_timeout_s: seconds after which the sites are told to stop; 0: never.
    :param force_modgen: generate the server's code anew.
    :param open_places: of a pipeline that takes further parameter sets while it runs: site to the places of
        parameters that it has; None: it takes none.
    :param parameter_sets: how many sets it was submitted with.
    """

    def __init__(
        self,
        submitted_api_version: str,
        federation_name: str,
        homesite: str,
        encoded_net_ir: str,
        encoded_parts: str,
        task_timeout_s: int = 0,
        force_modgen: bool = False,
        open_places: dict[str, list[str]] | None = None,
        parameter_sets: int = 0,
    ) -> None:
        super().__init__(
            submitted_api_version=submitted_api_version,
            federation_name=federation_name,
            homesite=homesite,
            bound_net_ir=json.loads(base64.b64decode(encoded_net_ir)),
            options=FlareOptions(task_timeout_s=task_timeout_s),
            force_modgen=force_modgen,
        )
        self._task_timeout_s = task_timeout_s
        self._out_of_time = False
        self._app_io_manager = TokenStore(ROOM_BYTES)
        self._answers: dict[str, str] = {}
        self._folder = ""
        self._open_places = open_places
        self._to_send: queue.Queue[tuple[Frames, bool]] = queue.Queue()
        self._sent_sets = SentSets(parameter_sets, lambda frames, stop: self._to_send.put((frames, stop)))
        # Whoever sends has to know it. Only the server, and through it FLARE's users, get the answer that tells it.
        self._word = secrets.token_urlsafe()
        self._not_reached: dict[str, str] = {}
        self._parts = read_parts(encoded_parts)
        self._messages: IncomingMessages | None = None
        self._tokens: dict[str, IncomingTokens] = {}
        self._has_ended = False

    def start_controller(self, fl_ctx: Any) -> None:
        self._folder = os.path.join(fl_ctx.get_prop(FLContextKey.APP_ROOT), FOLDER)
        self._app_io_manager.open(self._folder)
        ServerCommandGate.install(self._engine, ServerCommands.client_request_commands_names)
        self._engine.register_app_command(TOPIC_READ_TOKENS, self._read_tokens)
        self._engine.register_app_command(TOPIC_READ_VALUE, self._read_value)
        if self._open_places is not None:
            self._sent_sets.open(self._folder)
            self._engine.register_app_command(TOPIC_SEND, self._send)
        super().start_controller(fl_ctx)

    def handle_event(self, event_type: str, fl_ctx: Any) -> None:
        """Note a site whose process died, before FLARE aborts the job for it without a word on which site it was.

        nvflare/apis/impl/wf_comm_server.py, ``_check_dead_clients`` and ``_monitor_tasks``.
        """
        if event_type == EventType.CLIENT_DISCONNECTED:
            site = fl_ctx.get_prop(FLContextKey.DISCONNECTED_CLIENT_NAME)
            if site not in self._answers:
                self._fail(site, DIED)
        super().handle_event(event_type, fl_ctx)

    def _read_tokens(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        return self._app_io_manager.read(data["position"])

    def _read_value(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        return {"data": as_text(self._app_io_manager.values.read(data["name"], data["position"]))}

    def _send(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        if not hmac.compare_digest(str(data.get("word")).encode(), self._word.encode()):
            return {"word": self._word}
        return self._sent_sets.send(data)

    def _app_command_send_to_place_handler(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        # DFM takes any token here, in anybody's name, and reads the pickles of one for the server.
        raise PermissionError("this job takes tokens from its sites only, each in its own name")

    def _app_command_retrieve_tokens_handler(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        raise PermissionError("this job keeps its results, and gives none away")

    def broadcast_and_wait(self, task: Any, *args: Any, **kwargs: Any) -> None:
        """Note what each site answers, which DFM only logs, and end the job with the first that failed.

        DFM would wait for the others, and after them for what the server does itself, without a limit; and those may
        wait for what the failed site was to send.
        """
        received = task.result_received_cb

        def note(client_task: Any, fl_ctx: Any) -> None:
            reply = client_task.result
            code = reply.get_return_code()
            failure = "" if code == ReturnCode.OK else f"{code}: {reply.get(ERROR) or 'see the log of this site'}"
            site = client_task.client.name
            if not failure and self._messages is not None and not self._messages.has_ended(site):
                failure = TOO_EARLY
            self._answers[site] = failure
            received(client_task, fl_ctx)
            if failure:
                self._give_up()

        task.result_received_cb = note
        super().broadcast_and_wait(task, *args, **kwargs)
        self._out_of_time = task.completion_status == TaskCompletionStatus.TIMEOUT
        # A site that is out of time, or away, has answered nothing.
        if self._failures():
            self._give_up()

    def _do_prepare(self, fl_ctx: Any) -> None:
        mend_wind_down()
        job_id = fl_ctx.get_job_id()
        seals = {site: MessageSeal(part.key, job_id) for site, part in self._parts.items()}
        values = {site: IncomingValues(site, self._app_io_manager.values, self._fail) for site in self._parts}
        self._tokens = {
            site: IncomingTokens(site, part, job_id, self._set_numbers(), values[site].claim)
            for site, part in self._parts.items()
        }
        self._messages = IncomingMessages(seals, self._tokens, self._app_io_manager, self._fail)
        self._messages.start(fl_ctx)
        take = self._messages.receiving(lambda site, parts: values[site].take(parts), with_bytes=True)
        ReliableMessage.register_request_handler(topic=TOPIC_VALUES, handler_f=take, fl_ctx=fl_ctx)
        super()._do_prepare(fl_ctx)
        make_router_deliver(self._router, seals.__getitem__)
        PlainYields(self._router, self._app_io_manager.values.keep)
        feeder = FrameFeeder(self._job_controller)
        if self._open_places is not None:
            sender = FrameSender(
                self._to_send, self._open_places, feeder, seals, fl_ctx, self._abort_signal, self._fail
            )
            ready = self._messages.receiving(sender.note_ready)
            ReliableMessage.register_request_handler(topic=TOPIC_READY, handler_f=ready, fl_ctx=fl_ctx)

    def _on_send_to_place_topic(self, topic: str, request: Any, fl_ctx: Any) -> Any:
        assert self._messages is not None
        return self._messages.receiving(self._take_token)(topic, request, fl_ctx)

    def _take_token(self, site: str, parts: list[str]) -> None:
        token = self._tokens[site].check_token("".join(parts))
        try:
            self._router.route_token_package_sync(token_package(token))
        except RuntimeError as error:
            # Its sender has done its part: this is the fault of the one that does not take it.
            self._fail(token["target_site"], str(error))
            raise

    def _set_numbers(self) -> SetNumbers:
        if self._open_places is not None:
            return self._sent_sets
        frames = [frame["frame"] for frame, _ in self._bound_net_ir["tagged_input_params"]]
        return frozenset(frame[0] for frame in frames if frame != "stop")

    def _fail(self, site: str, reason: str) -> None:
        # The first reason is the cause of the others.
        self._not_reached.setdefault(site, reason)
        self._give_up()

    def _give_up(self) -> None:
        """Keep why the job failed, and have FLARE abort it, unless that is under way, or the job has ended."""
        if self._abort_signal.triggered or self._has_ended:
            return
        failures = self._failures()
        self._keep(failures)
        # DFM returns a reply that FLARE ignores, and the job would end COMPLETED:
        # nvflare/private/fed/server/server_runner.py, _execute_run
        reasons = "; ".join(f"{site}: {reason}" for site, reason in failures.items())
        self.system_panic(f"DFM job failed: {reasons}", self._fl_ctx)

    def control_flow(self, abort_signal: Any, fl_ctx: Any) -> Any:
        try:
            reply = super().control_flow(abort_signal, fl_ctx)
        except Exception as error:
            # FLARE fails the job for it, but keeps the reason to its own log.
            if not abort_signal.triggered:
                self._keep({"server": as_all_can_read(f"{type(error).__name__}: {error}")})
            raise
        finally:
            self._app_io_manager.close()
        if reply is not None and reply.get_return_code() != ReturnCode.OK:
            self._give_up()
        self._has_ended = True
        return reply

    def _keep(self, failures: dict[str, str]) -> None:
        # Whole or not at all, whichever thread comes first.
        path = os.path.join(self._folder, f"failures-{threading.get_ident()}.json")
        try:
            with open(path, "w", encoding="utf-8") as file:
                json.dump(failures, file)
            os.replace(path, os.path.join(self._folder, "failures.json"))
        except OSError:
            # The job fails all the same.
            self.log_exception(self._fl_ctx, "the reasons that the job failed could not be written")

    def _failures(self) -> dict[str, str]:
        failures = {site: as_all_can_read(reason) for site, reason in self._answers.items() if reason}
        failures |= {site: as_all_can_read(reason) for site, reason in self._not_reached.items()}
        if self._job_controller and self._job_controller.error_occurred():
            failures["server"] = as_all_can_read(repr(self._job_controller.get_panic_error()))
        # Once one has failed, the others are told to stop.
        for site in [] if failures else self._client_names:
            if site not in self._answers:
                limit = f"did not finish within {self._task_timeout_s} s"
                failures[site] = limit if self._out_of_time else DIED
        return failures
