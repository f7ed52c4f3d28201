"""The errors a federation can cause, in two branches that a retry policy can tell apart.

A retry may help against a :class:`TransientFederationError`. Against a :class:`PermanentFederationError` it may help
only where it does other work than the try before, such as the parameter sets that failed; against a
:class:`CorrectionNeeded`, which is permanent too, none can, and the task ends without one.
"""

from __future__ import annotations

from airflow_provider_dfm.remote.foreign_text import fit


class FederationError(Exception):
    """Base of all errors of a federation; the message says what was tried, what came back and what to do.

    Much of that is text of the federation's, and Airflow puts messages into its database and its log files: a character
    that one of these cannot take is replaced.

    :param message: the message.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(fit(str(message)))


class TransientFederationError(FederationError):
    """Trying again later may help: the federation, not the request, is the trouble."""


class PermanentFederationError(FederationError):
    """Trying the same again changes nothing."""


class CorrectionNeeded(PermanentFederationError):
    """No retry can help: first a person has to correct the connection, its kit, the environment or the DAG."""


class FederationUnreachable(TransientFederationError):
    """The federation's server or the session host does not answer."""


class ConnectionNotFound(TransientFederationError):
    """Airflow gives no connection of this name: there is none, or it cannot be asked for it now."""


class CommandTimedOut(TransientFederationError):
    """A command got no reply within its time; it may have been carried out or not."""


class JobTimedOut(TransientFederationError):
    """The job did not end within the time it was given."""


class StorageFailed(TransientFederationError):
    """A file cannot be written or read: a disk is full, or a store refuses or does not answer."""


class UnreadableAnswer(TransientFederationError):
    """The federation's answer to a request does not have the form that it should have."""


class ConnectionSettingsError(CorrectionNeeded):
    """A field of the connection is missing, unknown or wrong."""


class StartupKitError(CorrectionNeeded):
    """The startup kit is missing, incomplete, corrupt, expired or of another federation."""


class AuthenticationFailed(CorrectionNeeded):
    """The federation knows the kit but refuses its user."""


class VersionMismatch(CorrectionNeeded):
    """The interpreter's libraries do not fit the federation, or a prepared pipeline no longer does."""


class PipelineError(CorrectionNeeded):
    """The pipeline cannot be read, built or prepared."""


class JobDefinitionError(CorrectionNeeded):
    """A FLARE job's folder is no job, or the federation refuses it."""


class DiscoveryFailed(PermanentFederationError):
    """An advisor failed, or a site gave no advice at all."""


class ParameterSetError(CorrectionNeeded):
    """A parameter set misses a place, has one too many, or holds a value of the wrong type."""


class JobFailed(FederationError):
    """A job ended without doing its work.

    It is in neither branch itself, so that ``except JobFailed`` catches every such end though a retry helps against
    some of them only: what is raised is always one of its subclasses, and each of these is in one branch. Which end
    gives which is in ``job_ends.py``.
    """


class WorkFailed(JobFailed, PermanentFederationError):
    """An operation, or what a job runs at a site or at the server, raised something."""


class JobAborted(JobFailed, PermanentFederationError):
    """Somebody aborted the job, or the task that waited for it was ended."""


class JobRefused(JobFailed, PermanentFederationError):
    """A site does not allow the job: it brings code of its own, or its submitter has no right to run it there."""


class JobNotStarted(JobFailed, TransientFederationError):
    """The job never ran: sites or their resources were missing, or it could not be brought to them."""


class SiteDied(JobFailed, TransientFederationError):
    """A process of the job died, or a site went away while it did its part."""


class SiteTimedOut(JobFailed, TransientFederationError):
    """A site did not do its part within the federation's own limit for the job."""


class JobLost(JobFailed, TransientFederationError):
    """The server was restarted while the job ran, and does not run it any more."""


class JobNotFound(PermanentFederationError):
    """No job of this id is known."""


class JobNotRunning(PermanentFederationError):
    """Only a running job can do that."""


class JobNotDone(PermanentFederationError):
    """A running job cannot be deleted: abort it first, or wait for its end."""


class JobMetaError(PermanentFederationError):
    """A job's meta has something in this provider's place that this provider would not have put there."""


class CallbackFailed(PermanentFederationError):
    """A function that was to look at a job or its results raised something; a retry goes on where it stopped."""


class CallbackNotFound(CallbackFailed, CorrectionNeeded):
    """Such a function cannot be imported, or does not fit the pipeline."""


class SitesMissing(TransientFederationError):
    """Sites that are needed are not connected to the federation's server."""


class JobContentConflict(CorrectionNeeded):
    """A job of this id exists already, with another content."""


class DestinationConflict(CorrectionNeeded):
    """Where a job's files are to go there is something else."""


class ResultsIncomplete(PermanentFederationError):
    """Results are missing: the message says of which parameter sets and places, or which files."""


class UnsafeResult(PermanentFederationError):
    """Reading a result would run code that came with it (a pickle), or lead out of the job's folder."""


class OtherKindOfValue(PermanentFederationError, TypeError):
    """A result's value is of another kind than it was opened as: a table, say, where an array was asked for."""


class MissingPart(PermanentFederationError, LookupError):
    """A result's value has no such key or index."""


class UnreadableValue(PermanentFederationError, ValueError):
    """A result's value is not what it says: its site does not play fair, or another release wrote it."""


def is_unnamed(error: FederationError) -> bool:
    """Whether an error is in neither branch: the federation failed, and nvflare has no name for how.

    :param error: the error.
    """
    return not isinstance(error, (TransientFederationError, PermanentFederationError))


def error_from_name(name: str, message: str) -> FederationError:
    """Make the error that the session host named.

    :param name: name of a class of this module; any other becomes a plain :class:`FederationError`.
    :param message: the error's message.
    """
    kind = globals().get(name)
    if isinstance(kind, type) and issubclass(kind, FederationError):
        return kind(message)
    return FederationError(f"{name}: {message}")
