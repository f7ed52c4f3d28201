"""Receives what a job's server and its sites send each other. This module travels with each job."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from nvflare.apis.fl_constant import ReturnCode
from nvflare.apis.shareable import make_reply
from nvflare.apis.utils.reliable_message import ReliableMessage

from .authenticated_peers import AuthenticatedPeers, peer_of
from .incoming_tokens import IncomingTokens
from .message_seal import BadMessage, MessageSeal, TooMuch, message_number
from .outbox import TOPIC_DONE, TOPIC_RESULTS
from .token_store import TokenStore

logger = logging.getLogger(__name__)

SERVER = "server"


class IncomingMessages:
    """Takes each site's messages in its own name, and fails the job of a site that sends what it may not.

    :param seals: site to the seal of its messages.
    :param tokens: site to what checks its tokens.
    :param store: where the results go.
    :param fail: is told of a site that does not play by the rules, or of the server, and why.
    """

    def __init__(
        self,
        seals: dict[str, MessageSeal],
        tokens: dict[str, IncomingTokens],
        store: TokenStore,
        fail: Callable[[str, str], None],
    ) -> None:
        self._seals = seals
        self._tokens = tokens
        self._store = store
        self._fail = fail
        self._taking = threading.Lock()
        self._taken: dict[str, int] = {}
        self._ended: set[str] = set()
        self._peers: AuthenticatedPeers | None = None

    def start(self, fl_ctx: Any) -> None:
        """Take messages from now on.

        :param fl_ctx: the controller's.
        """
        self._peers = AuthenticatedPeers.install(fl_ctx.get_engine())
        for topic, take in ((TOPIC_RESULTS, self.take_results), (TOPIC_DONE, self.take_end)):
            ReliableMessage.register_request_handler(topic=topic, handler_f=self.receiving(take), fl_ctx=fl_ctx)

    def has_ended(self, site: str) -> bool:
        """Whether a site has said that its part is done, and all of its results are here."""
        return site in self._ended

    def receiving(
        self, take: Callable[[str, list[Any]], None], with_bytes: bool = False
    ) -> Callable[[str, Any, Any], Any]:
        """A handler of FLARE's messages.

        :param take: gets the site that sent a message, and what it says; raises where it does not take that.
        :param with_bytes: whether the message's last part is bytes.
        :return: what :class:`ReliableMessage` calls.
        """

        def receive(topic: str, request: Any, fl_ctx: Any) -> Any:
            site = peer_of(fl_ctx)
            try:
                if site not in self._seals:
                    # Somebody else of the federation; that must not be enough to end this job.
                    logger.warning("refused a message of %.100r, which has no part in this job", site)
                    return make_reply(ReturnCode.BAD_REQUEST_DATA)
                take(site, self._open(site, topic, request, with_bytes))
            except TooMuch as error:
                self._fail(site, str(error))
                return make_reply(ReturnCode.BAD_REQUEST_DATA)
            except BadMessage as error:
                self._fail(site, f"it does not play by the rules: {error}")
                return make_reply(ReturnCode.BAD_REQUEST_DATA)
            finally:
                if self._peers is not None:
                    self._peers.done(request, fl_ctx)
            return make_reply(ReturnCode.OK)

        return receive

    def take_results(self, site: str, parts: list[str]) -> None:
        """Take a message of results, which come in the order of their numbers.

        :param site: the site.
        :param parts: the message's number, and its tokens.
        :raises BadMessage: the site may not send that.
        """
        number = message_number(parts)
        # One at a time, as each is several times in memory meanwhile.
        with self._taking:
            taken = self._taken.get(site, 0)
            # One whose reply was lost comes again.
            if number <= taken:
                return
            if number != taken + 1:
                raise BadMessage(f"it sent its message {number} after its message {taken}")
            self._tokens[site].check_results(parts[1:])
            try:
                self._store.receive_lines(parts[1:])
            except OSError as error:
                self._fail("server", f"the results of {site} could not be written: {error}")
                raise
            self._taken[site] = number

    def take_end(self, site: str, parts: list[str]) -> None:
        """Take a site's word that its part is done, and nothing of it any more.

        FLARE's own answer to a task does not tell that: a site can give it for another one, with a token of that one
        which it has seen.

        :param site: the site.
        :param parts: the number of its last message of results; 0: it had none.
        :raises BadMessage: that one is not here.
        """
        number = message_number(parts)
        with self._taking:
            taken = self._taken.get(site, 0)
            if number != taken:
                raise BadMessage(f"it said that its part is done with its message {number}, after its message {taken}")
            self._ended.add(site)

    def _open(self, site: str, topic: str, request: Any, with_bytes: bool) -> list[Any]:
        if site in self._ended:
            raise BadMessage("it sent a message after it had said that its part is done")
        return self._seals[site].open(request, topic, with_bytes)


class ServerMessages:
    """Takes, at a site, the messages that only the server may send: it has checked them, whichever site they are from.

    :param seal: that of the messages between the server and this site.
    """

    def __init__(self, seal: MessageSeal) -> None:
        self._seal = seal
        #: Is told why this site's part of the job fails: a message came from somebody else.
        self.fail: Callable[[Exception], None] = _ignore

    def receiving(self, take: Callable[[list[str]], None]) -> Callable[[str, Any, Any], Any]:
        """A handler of FLARE's messages.

        :param take: gets what a message says.
        :return: what :class:`ReliableMessage` calls.
        """

        def receive(topic: str, request: Any, fl_ctx: Any) -> Any:
            try:
                parts = self._seal.open(request, topic)
            except BadMessage as error:
                sender = f"the site {peer_of(fl_ctx)}"
                if sender.endswith(f" {SERVER}"):
                    # Each site has seen the token by which FLARE takes a message for the server's.
                    sender = "somebody under the server's name"
                reason = f"{sender} does not play by the rules: it sent a message to this site, and {error}"
                self.fail(RuntimeError(reason))
                return make_reply(ReturnCode.BAD_REQUEST_DATA)
            take(parts)
            return make_reply(ReturnCode.OK)

        return receive


def _ignore(error: Exception) -> None:
    """Until the site's net is there, nothing can fail; the message is refused all the same."""
