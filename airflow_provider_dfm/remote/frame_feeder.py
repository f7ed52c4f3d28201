"""Gives a site's net its frames: those of the submit and, to an open pipeline, those that are sent later.

This module travels with each job.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from nv_dfm_core.exec import FlowInfo, Frame
from nv_dfm_core.exec._panic_error import PanicError
from nv_dfm_core.gen.modgen.ir import START_PLACE_NAME
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import Shareable
from nvflare.apis.utils.reliable_message import ReliableMessage

from .authenticated_peers import DELIVERY_SECONDS, MESSAGE_SECONDS
from .message_seal import MessageSeal

TOPIC_FRAMES = "airflow_provider_dfm.frames"
TOPIC_READY = "airflow_provider_dfm.ready"
# The net compares each frame that waits with each value that waits (nv_dfm_core/exec/_places.py, QueuePlace), so all
# 10,000 at once take it 100 s, before the first of them is begun. And what has begun goes on only after all that was
# begun before it.
FRAMES_AT_ONCE = 200
PAUSE_SECONDS = 0.02
SERVER = "server"

Frames = list[tuple[int, dict[str, Any]]]


class FrameFeeder:
    """Puts frames into a site's net, a few at a time.

    :param job_controller: DFM's, nv_dfm_core/exec/_job_controller.py.
    """

    def __init__(self, job_controller: Any) -> None:
        self._runner = job_controller._netrunner
        self._net_ir = job_controller._netir
        self._frames: queue.Queue[tuple[Any, dict[str, Any]]] = queue.Queue()
        self._lock = threading.Lock()
        self._last_number = 0
        # In the place of DFM's own, which puts all of them at once.
        job_controller.submit_initial_tokens = self._submit_initial_tokens

    def receive(self, parts: list[str]) -> None:
        """Take what a :class:`FrameSender` sent."""
        number, stop, frames = parts
        self.add(json.loads(frames), json.loads(stop), int(number))

    def add(self, frames: Frames, stop: bool, number: int) -> None:
        """Take frames that were sent to the open pipeline.

        :param frames: index and values of each set.
        :param stop: whether the net is to end after them.
        :param number: counts the calls from 1; one that comes again is left out.
        """
        with self._lock:
            if number <= self._last_number:
                return
            self._last_number = number
            for index, values in frames:
                self._frames.put((Frame.start_frame(num=index), values | {START_PLACE_NAME: FlowInfo()}))
            if stop:
                self._frames.put((Frame.stop_frame(), {START_PLACE_NAME: FlowInfo()}))

    def _submit_initial_tokens(self) -> None:
        for frame, values in self._net_ir.deserialized_input_params():
            self._frames.put((frame, values))
        threading.Thread(target=self._feed, name="frame-feeder", daemon=True).start()

    def _feed(self) -> None:
        try:
            while not self._runner._shutdown_event.is_set():
                self._put(self._some())
                self._wait_for_room()
        except Exception as error:
            self.fail(error)

    def fail(self, error: Exception) -> None:
        """End the net with an error, as its runner's own threads do: nv_dfm_core/exec/_net_runner.py."""
        self._runner._panic_error = PanicError(error=error)
        self._runner._shutdown_event.set()

    def _some(self) -> list[tuple[Any, dict[str, Any]]]:
        frames = []
        try:
            frames.append(self._frames.get(timeout=1.0))
            while len(frames) < FRAMES_AT_ONCE:
                frames.append(self._frames.get_nowait())
        except queue.Empty:
            pass
        return frames

    def _put(self, frames: list[tuple[Any, dict[str, Any]]]) -> None:
        if not frames:
            return
        places = self._net_ir.ir.find_places(kind=None, origin="external")
        with self._runner.receive_token_transaction() as transaction:
            for frame, values in frames:
                # A stop frame has no data: nv_dfm_core/exec/_job_controller.py, submit_initial_tokens
                for place in {START_PLACE_NAME} if frame.is_stop_frame() else places:
                    if transaction.has_place(place):
                        transaction.receive_token(place=place, frame=frame, data=values.get(place))

    def _wait_for_room(self) -> None:
        while self._busy() >= FRAMES_AT_ONCE and not self._runner._shutdown_event.is_set():
            time.sleep(PAUSE_SECONDS)

    def _busy(self) -> int:
        """How many frames have not begun, and how many steps of others wait or run."""
        start = self._runner._places.get(START_PLACE_NAME)
        with self._runner._scheduling_lock:
            running = sum(len(futures) for futures in self._runner._futures.values())
        return running + (start.num_tokens() if start else 0)


class FrameSender:
    """Brings what is sent to an open pipeline to its sites, in order.

    :param sent: what is to be brought: frames, and whether the pipeline is to stop after them.
    :param places: site to its places of parameters.
    :param here: the server's own feeder.
    :param seals: site to the seal of the messages to it.
    :param fl_ctx: the controller's.
    :param abort_signal: the controller's.
    :param fail: is told of the site that could not be reached, and why.
    """

    def __init__(
        self,
        sent: queue.Queue[tuple[Frames, bool]],
        places: dict[str, list[str]],
        here: FrameFeeder,
        seals: dict[str, MessageSeal],
        fl_ctx: Any,
        abort_signal: Any,
        fail: Callable[[str, str], None],
    ) -> None:
        self._sent = sent
        self._places = places
        self._here = here
        self._seals = seals
        self._fl_ctx = fl_ctx
        self._abort_signal = abort_signal
        self._fail = fail
        self._expected = set(places) - {SERVER}
        self._ready = threading.Event()
        self._number = 0
        if not self._expected:
            self._ready.set()
        threading.Thread(target=self._run, name="frame-sender", daemon=True).start()

    def note_ready(self, site: str, parts: list[str]) -> None:
        """Take a site's word that it takes frames from now on.

        :param site: the site.
        :param parts: what its message says: nothing.
        """
        self._expected.discard(site)
        if not self._expected:
            self._ready.set()

    def _run(self) -> None:
        # Until then the sites know nothing of frames.
        while not self._ready.wait(1.0):
            if self._abort_signal.triggered:
                return
        while True:
            frames, stop = self._sent.get()
            for start in range(0, max(len(frames), 1), FRAMES_AT_ONCE):
                some = frames[start : start + FRAMES_AT_ONCE]
                if not self._send_to_all(some, stop and start + FRAMES_AT_ONCE >= len(frames)):
                    return

    def _send_to_all(self, frames: Frames, stop: bool) -> bool:
        self._number += 1
        for site, places in self._places.items():
            try:
                # No site sees a parameter that it has no place for.
                self._send_to(
                    site, [(index, {name: values[name] for name in places}) for index, values in frames], stop
                )
            except Exception as error:
                self._fail(site, f"parameter sets that were sent did not reach it: {error}")
                return False
        return True

    def _send_to(self, site: str, frames: Frames, stop: bool) -> None:
        if site == SERVER:
            self._here.add(frames, stop, self._number)
            return
        parts = [str(self._number), json.dumps(stop), json.dumps(frames)]
        deliver(site, TOPIC_FRAMES, parts, self._seals[site], self._fl_ctx, self._abort_signal)


def deliver(target: str, topic: str, parts: list[Any], seal: MessageSeal, fl_ctx: Any, abort_signal: Any) -> None:
    """Bring a message to the server or a site.

    :param target: which of them.
    :param topic: what it is about.
    :param parts: what it says.
    :param seal: that of the site which sends or receives it.
    :param fl_ctx: FLARE's context of this process.
    :param abort_signal: ends the attempts.
    :raises RuntimeError: it did not arrive.
    """
    reply = ReliableMessage.send_request(
        target=target,
        topic=topic,
        request=seal.put(Shareable(), topic, parts),
        fl_ctx=fl_ctx,
        per_msg_timeout=MESSAGE_SECONDS,
        tx_timeout=DELIVERY_SECONDS,
        abort_signal=abort_signal,
    )
    code = reply.get_return_code()
    if code != ReturnCode.OK:
        raise RuntimeError(f"{target} answered {code}")
