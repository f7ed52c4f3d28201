"""A plain FLARE job for the tests: the server asks every site to wait, and keeps what they answered."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any

from nvflare.apis.dxo import DXO, DataKind, from_shareable
from nvflare.apis.executor import Executor
from nvflare.apis.fl_constant import FLContextKey
from nvflare.apis.impl.controller import Controller, Task
from nvflare.apis.shareable import Shareable
from nvflare.apis.signal import Signal

MEGABYTE = 1_000_000


class AskToSleep(Controller):
    """Asks the sites.

    :param seconds: how long they are to wait; below 0 the job fails.
    :param model_bytes: size of a file ``model.bin`` that the server keeps as well, in whole megabytes; 0: none.
    """

    def __init__(self, seconds: float, model_bytes: int = 0) -> None:
        super().__init__()
        self._seconds = seconds
        self._model_bytes = model_bytes
        self._answers: dict[str, float] = {}

    def start_controller(self, fl_ctx: Any) -> None:
        """Answer whoever asks how long the sites are to wait."""
        fl_ctx.get_engine().register_app_command("trial.seconds", self._tell)

    def stop_controller(self, fl_ctx: Any) -> None:
        """Nothing to end."""

    def control_flow(self, abort_signal: Signal, fl_ctx: Any) -> None:
        """Ask, wait, and write the answers into the workspace."""
        if self._seconds < 0:
            self.system_panic("nobody can wait less than no time", fl_ctx)
            return
        data = DXO(DataKind.METRICS, data={"seconds": self._seconds}).to_shareable()
        task = Task("sleep", data, result_received_cb=self._note)
        self.broadcast_and_wait(task, fl_ctx, min_responses=2, abort_signal=abort_signal)
        app_root = fl_ctx.get_prop(FLContextKey.APP_ROOT)
        with open(os.path.join(app_root, "answers.json"), "w") as file:
            json.dump(self._answers, file)
        if self._model_bytes:
            with open(os.path.join(app_root, "model.bin"), "wb") as file:
                for _ in range(self._model_bytes // MEGABYTE):
                    # What no zip makes smaller.
                    file.write(os.urandom(MEGABYTE))

    def process_result_of_unknown_task(self, client: Any, task_name: str, *args: Any, **kwargs: Any) -> None:
        """There are no other tasks."""

    def _tell(self, topic: str, data: Any, fl_ctx: Any) -> dict[str, Any]:
        return {"seconds": self._seconds, "asked": data}

    def _note(self, client_task: Any, fl_ctx: Any) -> None:
        self._answers[client_task.client.name] = from_shareable(client_task.result).data["waited"]


class Sleep(Executor):
    """Waits as long as it is asked to."""

    def execute(self, task_name: str, shareable: Shareable, fl_ctx: Any, abort_signal: Signal) -> Shareable:
        """Wait, or stop early when the job is aborted."""
        seconds = from_shareable(shareable).data["seconds"]
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and not abort_signal.triggered:
            time.sleep(0.1)
        return DXO(DataKind.METRICS, data={"waited": seconds}).to_shareable()


class EndsItself(Sleep):
    """Ends its site's job process while that starts, as a lack of memory does."""

    def __init__(self) -> None:
        super().__init__()
        os.kill(os.getpid(), signal.SIGKILL)
