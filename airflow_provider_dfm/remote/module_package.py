"""A package of modules that came as text, in a folder where another process can import it."""

from __future__ import annotations

import os
from collections.abc import Mapping


def write_package(folder: str, name: str, modules: Mapping[str, str]) -> None:
    """Write the package.

    :param folder: where to; it is made if it is not there.
    :param name: the package's.
    :param modules: name to source text.
    """
    package = os.path.join(folder, name)
    os.makedirs(package)
    for module, source in {"__init__": "", **modules}.items():
        with open(os.path.join(package, f"{module}.py"), "w", encoding="utf-8") as file:
            file.write(source)
