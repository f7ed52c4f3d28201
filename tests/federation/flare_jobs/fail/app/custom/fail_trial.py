"""A plain FLARE job for the tests: the executor of one site raises, and the server fails the job for it."""

from __future__ import annotations

from typing import Any

from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.impl.controller import Controller, Task
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal


class AskToWork(Controller):
    """Asks one site after the other to work, and fails the job when one of them does not.

    At once, the job's end could come before the other site has sent its answer, which is an error there.
    """

    def start_controller(self, fl_ctx: Any) -> None:
        """Nothing to prepare."""

    def stop_controller(self, fl_ctx: Any) -> None:
        """Nothing to end."""

    def control_flow(self, abort_signal: Signal, fl_ctx: Any) -> None:
        """Ask, and wait for the answer."""
        for site in sorted(client.name for client in fl_ctx.get_engine().get_clients()):
            task = Task("work", Shareable(), result_received_cb=self._check)
            self.broadcast_and_wait(task, fl_ctx, targets=[site], min_responses=1, abort_signal=abort_signal)

    def process_result_of_unknown_task(self, client: Any, task_name: str, *args: Any, **kwargs: Any) -> None:
        """There are no other tasks."""

    def _check(self, client_task: Any, fl_ctx: Any) -> None:
        code = client_task.result.get_return_code()
        if code != ReturnCode.OK:
            self.system_panic(f"{client_task.client.name} answered {code}", fl_ctx)


class Work(Executor):
    """Works, or raises.

    :param fails_at: the site that raises.
    """

    def __init__(self, fails_at: str) -> None:
        super().__init__()
        self._fails_at = fails_at

    def execute(self, task_name: str, shareable: Shareable, fl_ctx: Any, abort_signal: Signal) -> Shareable:
        """Raise at the one site."""
        if fl_ctx.get_identity_name() == self._fails_at:
            raise RuntimeError("no data here")
        return Shareable()
