"""Which version of a library an interpreter has, also where it is not quite the one that its makers release."""

from __future__ import annotations

import importlib.util
import re
from importlib import metadata

UNKNOWN = "unknown"
# What a build without its makers' tags calls itself: 0+unknown, 0.0.0, 0.1.dev1+g0123abc.
_FIRST_RELEASE = (1, 0)


def is_installed(module: str) -> bool:
    """Whether a library is there, found out without importing it.

    :param module: its module, such as ``nvflare``.
    """
    found = importlib.util.find_spec(module)
    # A folder of that name that holds no library has no origin.
    return found is not None and found.origin is not None


def installed_version(module: str, distribution: str) -> str:
    """The version of a library that is there.

    :param module: its module.
    :param distribution: what its makers call what it is installed from.
    :return: :data:`UNKNOWN` where it says none, as a folder of sources does.
    """
    names = [distribution]
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        # A nightly or a vendor's build has a name of its own.
        names = metadata.packages_distributions().get(module, [])
    # A folder that an interrupted upgrade left has no version.
    return next((version for name in names if (version := metadata.version(name))), UNKNOWN)


def release(version: str) -> tuple[int, int] | None:
    """The first two numbers of a version; None where it says nothing of the release that it is like.

    :param version: such as ``2.6.3``, ``2.7rc1`` or ``2.6.3+vendor.1``.
    """
    found = re.match(r"(?:\d+!)?v?(\d+)\.(\d+)", version)
    numbers = (int(found[1]), int(found[2])) if found else (0, 0)
    return numbers if numbers >= _FIRST_RELEASE else None
