"""Tells the messages that a job's server and its sites send each other from those of anybody else.

FLARE hands each site its own app of the job, and nobody else's, so a key in it is known to that site and the server
only. What FLARE itself says of a message's sender does not prove it: the peer's context is a part of the message
(nvflare/private/aux_runner.py, ``dispatch``), and so is the token that the server checks
(nvflare/private/fed/authenticator.py, ``validate_auth_headers``), which each site sends along with its answers, to
other sites too. This module travels with each job.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

PARTS = "airflow_provider_dfm.parts"
SEAL = "airflow_provider_dfm.seal"


class BadMessage(Exception):
    """A message that its receiver does not take; says why."""


class TooMuch(BadMessage):
    """A message that an honest site may well send, too, but of which there are too many."""


class MessageSeal:
    """Seals the messages between the server and one site, and checks the seals.

    :param key: what the two of them know.
    :param job_id: the job; a seal of one job means nothing in another.
    """

    def __init__(self, key: str, job_id: str) -> None:
        self._key = key.encode()
        self._job_id = job_id

    def put(self, request: Any, topic: str, parts: list[str]) -> Any:
        """Make a message.

        :param request: an empty one; a mapping, such as FLARE's Shareable.
        :param topic: what it is about.
        :param parts: what it says.
        :return: the message.
        """
        request[PARTS], request[SEAL] = parts, self._of(topic, parts)
        return request

    def open(self, request: Any, topic: str) -> list[str]:
        """What a message says, if the other one has sealed it.

        :param request: the message.
        :param topic: what it has to be about.
        :raises BadMessage: anybody may have sent it.
        """
        parts, seal = request.get(PARTS), request.get(SEAL)
        if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
            raise BadMessage("its message is not a list of texts")
        try:
            expected = self._of(topic, parts)
        except UnicodeEncodeError:
            raise BadMessage("its message has text in it that UTF-8 does not know") from None
        if not isinstance(seal, str) or not hmac.compare_digest(seal.encode(errors="replace"), expected.encode()):
            raise BadMessage("its message is not sealed with the key that the job gave to this site")
        return parts

    def _of(self, topic: str, parts: list[str]) -> str:
        made = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (self._job_id, topic, *parts):
            data = part.encode()
            made.update(b"%d:" % len(data))
            made.update(data)
        return made.hexdigest()
