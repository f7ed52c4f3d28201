"""Where the files of a connection are: paths and URIs as people write them, made the same for all processes."""

from __future__ import annotations

import os
import re

# With or without the two slashes; fsspec knows both names.
_FILE = re.compile(r"(?:file|local):(?://)?", re.IGNORECASE)
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")
_PASSWORD = re.compile(r"://[^/?#@]*:[^/?#@]*@")
# Parameters of links that are good for all who have them, such as X-Amz-Signature and sig.
_SIGNATURE = re.compile(r"[?&][^=&]*(?:signature|\bsig|token|secret|password)=", re.IGNORECASE)


def is_uri(location: str) -> bool:
    """Whether this is a URI, and not a path on this machine.

    :param location: a path or URI, as :func:`fixed_location` gives it.
    """
    return _URI.match(location) is not None


def fixed_location(location: str) -> str:
    """A path or URI that leads every process of one user to the same place.

    :param location: an absolute path, one below ``~``, or a URI.
    :return: an absolute path, or a URI.
    :raises ValueError: see :func:`fixed_path`, or the URI has a password in it. The message does not show it.
    """
    file = _FILE.match(location)
    if file is None and is_uri(location):
        _refuse_secrets(location)
        return location
    if file is None:
        return fixed_path(location, " or a URI")
    return f"file://{fixed_path(location[file.end() :])}"


def fixed_path(path: str, otherwise: str = "") -> str:
    """A path that leads every process of one user to the same place.

    :param path: an absolute path, or one below ``~``.
    :param otherwise: what else may be given, for the error.
    :raises ValueError: it is a relative path, or has an environment variable in it. The message does not show it: it
        may be a secret in the wrong field.
    """
    path = os.path.expanduser(path)
    if not os.path.isabs(path):
        raise ValueError(
            "this is a relative path, which each process would look for in a folder of its own; give one that begins "
            f"with / or ~/{otherwise}"
        )
    if os.path.expandvars(path) != path:
        # It would be a folder called $HOME.
        raise ValueError("there is a variable in the path, which is not replaced; write out what it stands for")
    return path


def _refuse_secrets(uri: str) -> None:
    if _PASSWORD.search(uri) or _SIGNATURE.search(uri):
        raise ValueError(
            "the URI has a password or a signature in it, which Airflow shows to all who may read its connections; "
            "name an Airflow connection that has it: s3://<connection>@<bucket>/<path>"
        )
