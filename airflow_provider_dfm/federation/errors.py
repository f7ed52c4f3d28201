"""The errors a federation can cause, in two branches that a retry policy can tell apart."""

from __future__ import annotations


class FederationError(Exception):
    """Base of all errors of a federation; the message says what was tried, what came back and what to do."""


class TransientFederationError(FederationError):
    """Trying again later may help: the federation, not the request, is the trouble."""


class PermanentFederationError(FederationError):
    """Trying again changes nothing until a person changes something."""


class FederationUnreachable(TransientFederationError):
    """The federation's server or the session host does not answer."""


class CommandTimedOut(TransientFederationError):
    """A command got no reply within its time; it may have been carried out or not."""


class JobTimedOut(TransientFederationError):
    """The job did not end within the time it was given."""


class StorageFailed(TransientFederationError):
    """A file cannot be written or read: a disk is full, or a store refuses or does not answer."""


class UnreadableAnswer(TransientFederationError):
    """The federation's answer to a request does not have the form that it should have."""


class ConnectionSettingsError(PermanentFederationError):
    """A field of the connection is missing, unknown or wrong."""


class StartupKitError(PermanentFederationError):
    """The startup kit is missing, incomplete, corrupt, expired or of another federation."""


class AuthenticationFailed(PermanentFederationError):
    """The federation knows the kit but refuses its user."""


class VersionMismatch(PermanentFederationError):
    """The interpreter's libraries do not fit the federation, or a prepared pipeline no longer does."""


class PipelineError(PermanentFederationError):
    """The pipeline cannot be read, built or prepared."""


class JobDefinitionError(PermanentFederationError):
    """A FLARE job's folder is no job, or the federation refuses it."""


class DiscoveryFailed(PermanentFederationError):
    """An advisor failed, or a site gave no advice at all."""


class ParameterSetError(PermanentFederationError):
    """A parameter set misses a place, has one too many, or holds a value of the wrong type."""


class JobFailed(PermanentFederationError):
    """A job ended without doing its work: a site, an adapter or the federation failed, or it was aborted."""


class JobNotFound(PermanentFederationError):
    """No job of this id is known."""


class JobNotRunning(PermanentFederationError):
    """Only a running job can do that."""


class JobNotDone(PermanentFederationError):
    """A running job cannot be deleted: abort it first, or wait for its end."""


class JobMetaError(PermanentFederationError):
    """A job's meta has something in this provider's place that this provider would not have put there."""


class CallbackFailed(PermanentFederationError):
    """A function that was to look at a job or its results cannot be imported or called, or raised something."""


class SitesMissing(TransientFederationError):
    """Sites that are needed are not connected to the federation's server."""


class JobContentConflict(PermanentFederationError):
    """A job of this id exists already, with another content."""


class DestinationConflict(PermanentFederationError):
    """Where a job's files are to go there is something else."""


class ResultsIncomplete(PermanentFederationError):
    """Results are missing: the message says of which parameter sets and places, or which files."""


class UnsafeResult(PermanentFederationError):
    """Reading a result would run code that came with it (a pickle), or lead out of the job's folder."""


def error_from_name(name: str, message: str) -> FederationError:
    """Make the error that the session host named.

    :param name: name of a class of this module; any other becomes a plain :class:`FederationError`.
    :param message: the error's message.
    """
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, FederationError):
        return kind(message)
    return FederationError(f"{name}: {message}")
