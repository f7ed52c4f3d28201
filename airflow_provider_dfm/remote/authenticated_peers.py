"""Has FLARE name a message's sender as it has authenticated it, and hold back what a sender piles up.

This module travels with each job.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection
from typing import Any

from nvflare.apis.fl_constant import CellMessageAuthHeaderKey, ReservedKey, ReturnCode
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.utils import reliable_message
from nvflare.fuel.f3.cellnet.core_cell import make_reply as make_cell_reply
from nvflare.fuel.f3.cellnet.defs import CellChannel, MessageHeaderKey
from nvflare.fuel.f3.cellnet.defs import ReturnCode as CellReturnCode
from nvflare.fuel.f3.cellnet.fqcn import FQCN
from nvflare.private.defs import AUTH_CLIENT_NAME_FOR_SJ, new_cell_message
from nvflare.private.fed.client.command_agent import CommandAgent

from .message_seal import PARTS

logger = logging.getLogger(__name__)

# DFM gives each message 50 s, which the last ones of 10,000 sets on a busy machine exceeded.
DELIVERY_SECONDS = 300
MESSAGE_SECONDS = 10
# What waits in this process for one site; with more, its further messages come later. One is let in however large.
MESSAGES_WAITING = 64
CHARACTERS_WAITING = 1 << 30
_NAME = CellMessageAuthHeaderKey.CLIENT_NAME
# What was not dealt with after that is not there any more: nobody waits for its answer so long.
WAITING_SECONDS = 900


class ServerCommandGate:
    """Keeps the commands of FLARE's server to the server's job process from everybody else.

    The sites ask for their tasks on the same channel, and FLARE does everything there for each of them: it aborts the
    job, and calls what components have registered as commands (nvflare/private/fed/server/server_command_agent.py).
    The answer goes to the origin that a message names. So whatever says that it comes from the server is answered to
    the server, and no site can read what it asked for.

    :param execute: FLARE's own callback.
    :param of_sites: the commands that sites may give.
    """

    def __init__(self, execute: Callable[[Any], Any], of_sites: Collection[str]) -> None:
        self._execute = execute
        self._of_sites = of_sites

    @classmethod
    def install(cls, engine: Any, of_sites: Collection[str]) -> None:
        """Stand before the commands of this process from now on.

        :param engine: FLARE's, of a job's process at the server.
        :param of_sites: the commands that sites may give.
        """
        gate = cls(engine.server.command_agent.execute_command, of_sites)
        engine.server.cell.register_request_cb(channel=CellChannel.SERVER_COMMAND, topic="*", cb=gate.receive)

    def receive(self, request: Any) -> Any:
        """Hand a command on, if its sender may give it."""
        command = request.get_header(MessageHeaderKey.TOPIC)
        origin, name = (request.get_header(key) for key in (MessageHeaderKey.ORIGIN, _NAME))
        # In a federation without TLS nobody has a name.
        if command in self._of_sites or (origin == FQCN.ROOT_SERVER and name in (None, FQCN.ROOT_SERVER)):
            return self._execute(request)
        logger.warning("refused the command %.100r from %.100r, which came from %.100r", command, name, origin)
        return make_cell_reply(CellReturnCode.AUTHENTICATION_ERROR, "this is a command of the server", None)


class AuthenticatedPeers:
    """Receives the messages between the processes of a job, in the place of FLARE's own callback, and hands them on.

    FLARE takes the peer's context, and with it the sender's name, from the message itself. The name that its server has
    checked against the sender's token is in the message's header: nvflare/private/fed/authenticator.py,
    ``validate_auth_headers``.

    :param receive: FLARE's own callback.
    :param is_site: whether this process is a site's, to which the job's process at the server writes.
    """

    def __init__(self, receive: Callable[[Any], Any], is_site: bool = False) -> None:
        self._receive = receive
        self._is_site = is_site
        self._lock = threading.Lock()
        # Of each site, when each message came, and its size.
        self._waiting: dict[str, dict[str, tuple[float, int]]] = {}

    @classmethod
    def install(cls, engine: Any) -> AuthenticatedPeers:
        """Receive this process's messages from now on.

        :param engine: FLARE's, of a job's process at the server or at a site.
        """
        if hasattr(engine, "server"):
            # nvflare/private/fed/server/server_command_agent.py
            node, receive = engine.server, engine.server.command_agent.aux_communicate
        else:
            # As nvflare/private/fed/client/client_app_runner.py, start_command_agent, which keeps it to itself.
            agent = CommandAgent(engine.client)
            agent.engine = engine
            node, receive = engine.client, agent.aux_communication
        peers = cls(receive, is_site=not hasattr(engine, "server"))
        # The engine itself may not have its cell yet.
        node.cell.register_request_cb(channel=CellChannel.AUX_COMMUNICATION, topic="*", cb=peers.receive)
        return peers

    def receive(self, request: Any) -> Any:
        """Hand a message on, under its sender's own name, unless too many of the sender's wait."""
        message = request.payload
        if not isinstance(message, Shareable):
            return self._receive(request)
        name = str(request.get_header(_NAME))
        is_server = self._is_site and name == AUTH_CLIENT_NAME_FOR_SJ
        # The server's process has a name of its own there, under which nobody could answer it.
        _name_sender(message, FQCN.ROOT_SERVER if is_server else name)
        _set_times(message)
        if is_server:
            return self._receive(request)
        if not self._lets_in(name, message):
            # Upon which nvflare/apis/utils/reliable_message.py, _send_request, sends it again.
            return new_cell_message({}, make_reply(ReturnCode.SERVICE_UNAVAILABLE))
        answer = self._receive(request)
        if not _is_in_process(answer):
            # It was refused, or had been dealt with before.
            self._forget(name, message)
        return answer

    def done(self, request: Any, fl_ctx: Any) -> None:
        """Say that a message was dealt with.

        :param request: the message.
        :param fl_ctx: the context that it came with.
        """
        self._forget(peer_of(fl_ctx), request)

    def _forget(self, name: str, message: Any) -> None:
        with self._lock:
            self._waiting.get(name, {}).pop(_transaction(message), None)

    def _lets_in(self, name: str, message: Any) -> bool:
        parts = message.get(PARTS)
        if message.get_header(reliable_message.HEADER_OP) != reliable_message.OP_REQUEST or parts is None:
            return True
        size = sum(len(part) for part in parts if isinstance(part, (str, bytes))) if isinstance(parts, list) else 0
        transaction, now = _transaction(message), time.monotonic()
        with self._lock:
            before = self._waiting.get(name, {})
            waiting = {each: (came, much) for each, (came, much) in before.items() if now - came < WAITING_SECONDS}
            self._waiting[name] = waiting
            characters = sum(much for _, much in waiting.values())
            is_much = len(waiting) >= MESSAGES_WAITING or characters + size > CHARACTERS_WAITING
            # One that comes again waits already.
            if transaction not in waiting and waiting and is_much:
                return False
            waiting.setdefault(transaction, (now, size))
            return True


def peer_of(fl_ctx: Any) -> str:
    """The name of the site that sent a message.

    :param fl_ctx: the context that it came with.
    """
    peer = fl_ctx.get_peer_context()
    return str(peer.get_identity_name()) if peer is not None else "nobody"


def _name_sender(message: Any, name: str) -> None:
    props = message.get_peer_props()
    message.set_peer_props({**(props if isinstance(props, dict) else {}), ReservedKey.IDENTITY_NAME: name})


def _set_times(message: Any) -> None:
    # How long its answer is waited with, in one of a few threads, and how long it is known: a sender writes them.
    if message.get_header(reliable_message.HEADER_OP) == reliable_message.OP_REQUEST:
        message.set_header(reliable_message.HEADER_PER_MSG_TIMEOUT, MESSAGE_SECONDS)
        message.set_header(reliable_message.HEADER_TX_TIMEOUT, DELIVERY_SECONDS)


def _transaction(message: Any) -> str:
    return str(message.get_header(reliable_message.HEADER_TX_ID))


def _is_in_process(answer: Any) -> bool:
    message = getattr(answer, "payload", None)
    if not isinstance(message, Shareable):
        return False
    return bool(message.get_header(reliable_message.HEADER_STATUS) == reliable_message.STATUS_IN_PROCESS)
