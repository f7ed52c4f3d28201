"""Why a site's part of a job failed, as its answer to the server says it. This module travels with each job."""

from __future__ import annotations

from typing import Any

from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import make_reply

from .foreign_text import cut, fit

# nv_dfm_core/targets/flare/_defs.py
ERROR = "nv_dfm_core.reply.error"
MAX_REASON = 2000


def site_failure(reason: str) -> Any:
    """The answer of a site whose part failed.

    :param reason: why it did.
    """
    reply = make_reply(ReturnCode.EXECUTION_EXCEPTION)
    reply[ERROR] = reason
    return reply


def as_all_can_read(reason: str) -> str:
    """A reason as all can read it, though somebody else's site gave it."""
    return fit(cut(reason, MAX_REASON))
