"""Which faults of file systems and object stores may pass, and which need a person."""

from __future__ import annotations

from airflow_provider_dfm.federation.errors import CorrectionNeeded, StorageFailed

# What is asked for is not there, may not be read, or is no such thing; s3fs raises the same.
LASTING = (
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,
    ValueError,
    TypeError,
    ImportError,
)


def storage_error(error: Exception, otherwise: type[CorrectionNeeded]) -> type[StorageFailed] | type[CorrectionNeeded]:
    """The kind of error that a file's fault is: that of what is wrong with the file, unless its store is the trouble.

    :param error: whatever the store's library raised.
    :param otherwise: for a file that is not there, may not be read, or is no such thing.
    """
    return otherwise if isinstance(error, LASTING) else StorageFailed
