"""What a DFM job brings with it: a controller that keeps every result, and executors that tell failures.

This module travels with each job, in the ``custom`` folder of the server's and the sites' apps, and so do those that
it imports from beside it. It runs in their job processes, as subclasses of DFM's own controller and executor.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import threading
from typing import Any

from nv_dfm_core.targets.flare import FlareOptions
from nv_dfm_core.targets.flare._controller import Controller
from nv_dfm_core.targets.flare._executor import Executor
from nvflare.apis.controller_spec import TaskCompletionStatus
from nvflare.apis.event_type import EventType
from nvflare.apis.fl_constant import FLContextKey, ReturnCode
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.utils.reliable_message import ReliableMessage

from .frame_feeder import SERVER, FrameFeeder, Frames, FrameSender, deliver, send_reliably, tell_ready
from .outbox import TOPIC_RESULTS, Outbox
from .sent_sets import SentSets
from .token_store import TokenStore
from .wind_down import mend_wind_down

# nv_dfm_core/targets/flare/_defs.py
ERROR = "nv_dfm_core.reply.error"
TOPIC_SEND_TO_PLACE = "nv_dfm_core.send_to_place"
TOKEN_PACKAGE = "nv_dfm_core.send_to_place_package_dict"
FOLDER = "airflow_provider_dfm"
TOPIC_READ_TOKENS = "airflow_provider_dfm.read_tokens"
TOPIC_SEND = "airflow_provider_dfm.send"
MAX_REASON = 2000
DIED = "died, or went away, before it had finished"


def make_router_deliver(router: Any) -> None:
    """Let a token that did not arrive be an error; DFM's router does not look at the answer.

    :param router: DFM's router, nv_dfm_core/targets/flare/_flare_router.py.
    """

    def send(recipient: str, token_package: Any) -> None:
        request = Shareable()
        request[TOKEN_PACKAGE] = token_package.model_dump()
        code = send_reliably(recipient, TOPIC_SEND_TO_PLACE, request, router._fl_ctx, router._abort_signal)
        if code != ReturnCode.OK:
            raise RuntimeError(f"a token for place {token_package.target_place!r} did not reach {recipient}: {code}")

    router._send_flare_message = send


def send_results_first(router: Any, outbox: Outbox) -> None:
    """Have a site's results brought by an outbox, and before any token that it sends to another site.

    Such a token can be its last word on a parameter set, upon which another site reports the set's end: the server must
    have all results of the set by then.

    :param router: DFM's router, nv_dfm_core/targets/flare/_flare_router.py.
    :param outbox: the site's.
    """
    send = router._send_flare_message

    def send_after_results(recipient: str, token_package: Any) -> None:
        outbox.flush()
        send(recipient, token_package)

    router._send_flare_message = send_after_results
    router._send_this_job_yield_token_package_sync = outbox.put


class ResultsController(Controller):
    """DFM's controller, except that results are kept and a failed site fails the job.

    :param encoded_net_ir: the server's BoundNetIR as base64 JSON.
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
        self._app_io_manager = TokenStore()
        self._answers: dict[str, str] = {}
        self._folder = ""
        self._open_places = open_places
        self._to_send: queue.Queue[tuple[Frames, bool]] = queue.Queue()
        self._sent_sets = SentSets(parameter_sets, lambda frames, stop: self._to_send.put((frames, stop)))
        self._not_reached: dict[str, str] = {}
        self._taking = threading.Lock()
        self._taken: dict[str, int] = {}

    def start_controller(self, fl_ctx: Any) -> None:
        self._folder = os.path.join(fl_ctx.get_prop(FLContextKey.APP_ROOT), FOLDER)
        self._app_io_manager.open(self._folder)
        self._engine.register_app_command(TOPIC_READ_TOKENS, self._read_tokens)
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

    def _send(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        return self._sent_sets.send(data)

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
            self._answers[client_task.client.name] = failure
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
        super()._do_prepare(fl_ctx)
        make_router_deliver(self._router)
        ReliableMessage.register_request_handler(topic=TOPIC_RESULTS, handler_f=self._take_results, fl_ctx=fl_ctx)
        feeder = FrameFeeder(self._job_controller)
        if self._open_places is not None:
            FrameSender(self._to_send, self._open_places, feeder, fl_ctx, self._abort_signal, self._fail)

    def _take_results(self, topic: str, request: Any, fl_ctx: Any) -> Any:
        site = request["site"]
        with self._taking:
            # A message whose reply was lost comes again.
            if request["number"] > self._taken.get(site, 0):
                self._app_io_manager.receive_lines(request["lines"])
                self._taken[site] = request["number"]
        return make_reply(ReturnCode.OK)

    def _fail(self, site: str, reason: str) -> None:
        self._not_reached[site] = reason
        self._give_up()

    def _give_up(self) -> None:
        """Keep why the job failed, and have FLARE abort it, unless that is under way."""
        if self._abort_signal.triggered:
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
                self._keep({"server": f"{type(error).__name__}: {error}"[:MAX_REASON]})
            raise
        if reply is not None and reply.get_return_code() != ReturnCode.OK:
            self._give_up()
        return reply

    def _keep(self, failures: dict[str, str]) -> None:
        # Whole or not at all, whichever thread comes first.
        path = os.path.join(self._folder, f"failures-{threading.get_ident()}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(failures, file)
        os.replace(path, os.path.join(self._folder, "failures.json"))

    def _failures(self) -> dict[str, str]:
        failures = {site: reason[:MAX_REASON] for site, reason in self._answers.items() if reason}
        failures |= self._not_reached
        if self._job_controller and self._job_controller.error_occurred():
            failures["server"] = repr(self._job_controller.get_panic_error())[:MAX_REASON]
        # Once one has failed, the others are told to stop.
        for site in [] if failures else self._client_names:
            if site not in self._answers:
                limit = f"did not finish within {self._task_timeout_s} s"
                failures[site] = limit if self._out_of_time else DIED
        return failures


class PipelineExecutor(Executor):
    """Runs a site's part of a pipeline.

    :param encoded_net_ir: the site's BoundNetIR as base64 JSON.
    :param force_modgen: generate the site's code anew.
    :param is_open: whether the pipeline takes further parameter sets while it runs.
    """

    def __init__(
        self,
        submitted_api_version: str,
        federation_name: str,
        homesite: str,
        encoded_net_ir: str,
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
        self._is_open = is_open
        self._outbox: Outbox | None = None

    def _on_prepare_execution_task(self, fl_ctx: Any) -> None:
        mend_wind_down()
        super()._on_prepare_execution_task(fl_ctx)
        make_router_deliver(self._router)
        feeder = FrameFeeder(self._job_controller)

        def send(number: int, lines: list[str]) -> None:
            request = Shareable()
            request["site"], request["number"], request["lines"] = fl_ctx.get_identity_name(), number, lines
            deliver(SERVER, TOPIC_RESULTS, request, fl_ctx, self._abort_signal)

        self._outbox = Outbox(send, feeder.fail)
        send_results_first(self._router, self._outbox)
        if self._is_open:
            tell_ready(feeder, fl_ctx, self._abort_signal)

    def execute(self, task_name: str, shareable: Any, fl_ctx: Any, abort_signal: Any) -> Any:
        try:
            reply = super().execute(task_name, shareable, fl_ctx, abort_signal)
            if self._outbox is not None:
                self._outbox.flush()
        except Exception as error:
            # The site's administrator needs the whole of it; the controller gets the reason.
            self.log_exception(fl_ctx, "the DFM pipeline failed at this site")
            return _failure(f"{type(error).__name__}: {error}")
        # DFM answers OK even when its net runner gave up: nv_dfm_core/targets/flare/_executor.py, execute
        if self._job_controller and self._job_controller.error_occurred():
            return _failure(repr(self._job_controller.get_panic_error()))
        return reply


def _failure(reason: str) -> Any:
    reply = make_reply(ReturnCode.EXECUTION_EXCEPTION)
    reply[ERROR] = reason
    return reply
