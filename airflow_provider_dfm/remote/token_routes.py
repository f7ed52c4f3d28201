"""The ways of tokens between the server and the sites of a job, where DFM's own lose some. It travels with each job."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from nv_dfm_core.exec import TokenPackage

from .foreign_text import cut
from .frame_feeder import deliver
from .json_text import too_large
from .message_seal import BadMessage, MessageSeal
from .outbox import Outbox

# nv_dfm_core/targets/flare/_defs.py
TOPIC_SEND_TO_PLACE = "nv_dfm_core.send_to_place"
MAX_FAULT = 500


def make_router_deliver(router: Any, seal_for: Callable[[str], MessageSeal]) -> None:
    """Seal each token that is sent to another place, and let one that did not arrive be an error.

    DFM's router does not look at the answer.

    :param router: DFM's router, nv_dfm_core/targets/flare/_flare_router.py.
    :param seal_for: gives the seal of the messages to the server or a site.
    """

    def send(recipient: str, token_package: Any) -> None:
        parts = [json.dumps(token_package.model_dump(mode="json"))]
        place, size = token_package.target_place, too_large(parts[0])
        if size:
            raise RuntimeError(f"a token for place {place!r} is too large: as JSON it has {size}")
        try:
            deliver(recipient, TOPIC_SEND_TO_PLACE, parts, seal_for(recipient), router._fl_ctx, router._abort_signal)
        except RuntimeError as error:
            raise RuntimeError(f"a token for place {place!r} did not reach {recipient}: {error}") from error

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


def token_package(token: dict[str, Any]) -> Any:
    """DFM's form of a token.

    :param token: the token as JSON has it.
    :raises BadMessage: it is none.
    """
    try:
        return TokenPackage.model_validate(token)
    except ValueError as error:
        raise BadMessage(cut(f"it sent what is no token: {error}", MAX_FAULT)) from None
