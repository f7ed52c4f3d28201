"""The frame of a result, as callbacks get it."""

from __future__ import annotations

from typing import Literal


class Frame(tuple[int, ...]):
    """DFM's frame: ``(i,)`` of parameter set i, ``(i, k)`` of item k of a generator; ``()`` of the pipeline's end.

    It has the two names of DFM's own ``Frame`` that callbacks use: nv_dfm_core/exec/_frame.py
    """

    @property
    def frame(self) -> list[int] | Literal["stop"]:
        """The numbers as a list, or ``"stop"`` at the pipeline's end."""
        return list(self) if self else "stop"

    def is_stop_frame(self) -> bool:
        """Whether it is the frame of the pipeline's end."""
        return not self
