"""The names by which the session host tells its parent what went wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class NamedError(Exception):
    """An error that the parent raises again as the class of that name in ``federation/errors.py``.

    :param error_name: the class's name.
    :param message: what was tried, what came back, what to do.
    """

    def __init__(self, error_name: str, message: str) -> None:
        super().__init__(message)
        self.error_name = error_name


# The client library's exceptions by class name: which of them exist differs from version to version.
# nvflare/fuel/flare_api/api_spec.py
FLARE_ERRORS = {
    "JobNotFound": "JobNotFound",
    "AuthenticationError": "AuthenticationFailed",
    "AuthorizationError": "AuthenticationFailed",
    "InvalidJobDefinition": "JobDefinitionError",
    "JobNotRunning": "JobNotRunning",
    "JobNotDone": "JobNotDone",
    "InvalidTarget": "SitesMissing",
    "NoClientsAvailable": "SitesMissing",
    "NoConnection": "FederationUnreachable",
    "ConnectionError": "FederationUnreachable",
    "SessionClosed": "FederationUnreachable",
    "SessionExpired": "FederationUnreachable",
    "NoReply": "CommandTimedOut",
}
# What errors without a class of their own say of a connection that broke or was closed: an idle session at nvflare
# 2.6; a reply or a file of which not all came: nvflare/fuel/hci/proto.py, ReplyKeyword; client/file_transfer.py.
BROKEN = ("session_inactive", "Failed to communicate", "error receiving file")


@contextlib.contextmanager
def flare_errors(what: str) -> Iterator[None]:
    """Give the errors of the FLARE client library their names.

    :param what: what is being tried, for the message: ``"asking for job 1234"``.
    :raises NamedError: for each error that the library raises.
    """
    try:
        yield
    except NamedError:
        raise
    except Exception as error:
        kind = type(error).__name__
        name = FLARE_ERRORS.get(kind, "FederationError")
        if any(sign in str(error) for sign in BROKEN):
            name = "FederationUnreachable"
        raise NamedError(name, f"The federation failed at {what}: {kind}: {error}") from error
