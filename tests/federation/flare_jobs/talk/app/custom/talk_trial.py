"""A plain FLARE job for the tests: server and sites write to their logs, a few lines a round."""

from __future__ import annotations

import time
from typing import Any

from nvflare.apis.executor import Executor
from nvflare.apis.impl.controller import Controller, Task
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal


class AskToTalk(Controller):
    """Asks the sites for a word, a few times.

    :param times: how often.
    :param pause: seconds between two rounds.
    """

    def __init__(self, times: int, pause: float) -> None:
        super().__init__()
        self._times = times
        self._pause = pause

    def start_controller(self, fl_ctx: Any) -> None:
        """Nothing to prepare."""

    def stop_controller(self, fl_ctx: Any) -> None:
        """Nothing to end."""

    def control_flow(self, abort_signal: Signal, fl_ctx: Any) -> None:
        """Say which round it is, and have all sites say so too."""
        for number in range(1, self._times + 1):
            # nvflare's own clients take a reply that holds such words for a refusal.
            self.log_warning(fl_ctx, f"the server says {number} of {self._times}, and is not authorized to say more")
            task = Task("talk", Shareable({"number": number}))
            self.broadcast_and_wait(task, fl_ctx, min_responses=2, abort_signal=abort_signal)
            if abort_signal.triggered:
                return
            time.sleep(self._pause)

    def process_result_of_unknown_task(self, client: Any, task_name: str, *args: Any, **kwargs: Any) -> None:
        """There are no other tasks."""


class Talk(Executor):
    """Says the round's number."""

    def execute(self, task_name: str, shareable: Shareable, fl_ctx: Any, abort_signal: Signal) -> Shareable:
        """Write a line to the site's log."""
        self.log_info(fl_ctx, f"{fl_ctx.get_identity_name()} says {shareable['number']}")
        return Shareable()
