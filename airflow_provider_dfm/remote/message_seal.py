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

    def put(self, request: Any, topic: str, parts: list[Any]) -> Any:
        """Make a message.

        :param request: an empty one; a mapping, such as FLARE's Shareable.
        :param topic: what it is about.
        :param parts: what it says: texts, the last of which may be bytes instead.
        :return: the message.
        """
        request[PARTS], request[SEAL] = parts, self._of(topic, parts)
        return request

    def open(self, request: Any, topic: str, with_bytes: bool = False) -> list[Any]:
        """What a message says, if the other one has sealed it.

        :param request: the message.
        :param topic: what it has to be about.
        :param with_bytes: whether its last part has to be bytes.
        :raises BadMessage: anybody may have sent it.
        """
        parts: Any = request.get(PARTS)
        seal = request.get(SEAL)
        texts = parts[:-1] if with_bytes and isinstance(parts, list) and parts else parts
        if not isinstance(texts, list) or not all(isinstance(part, str) for part in texts):
            raise BadMessage("its message is not a list of texts")
        if with_bytes and (not parts or not isinstance(parts[-1], bytes)):
            raise BadMessage("its message has no bytes at its end")
        try:
            expected = self._of(topic, parts)
        except UnicodeEncodeError:
            raise BadMessage("its message has text in it that UTF-8 does not know") from None
        if not isinstance(seal, str) or not hmac.compare_digest(seal.encode(errors="replace"), expected.encode()):
            raise BadMessage("its message is not sealed with the key that the job gave to this site")
        return list(parts)

    def _of(self, topic: str, parts: list[Any]) -> str:
        made = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (self._job_id, topic, *parts):
            data = part if isinstance(part, bytes) else part.encode()
            made.update(b"%d%s:" % (len(data), b" bytes" if data is part else b""))
            made.update(data)
        return made.hexdigest()


def message_number(parts: list[Any]) -> int:
    """The number that a message begins with.

    :param parts: what it says.
    :raises BadMessage: it begins with something else.
    """
    if not parts or not parts[0].isascii() or not parts[0].isdigit() or len(parts[0]) > 18:
        raise BadMessage("it sent results without a number")
    return int(parts[0])
