"""What is installed in the federation's interpreter, found out without importing any of it."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

from airflow_provider_dfm.federation.errors import CommandTimedOut, ConnectionSettingsError
from airflow_provider_dfm.federation.host_environment import host_environment

_ASK = """
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
print(json.dumps({"python": sys.version_info[:3], "nvflare": version("nvflare"), "dfm": version("nv-dfm-core")}))
"""


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that can host a session.

    :param path: its executable.
    :param nvflare: version of nvflare.
    :param nv_dfm_core: version of nv_dfm_core, or None where it is not installed.
    """

    path: str
    nvflare: str
    nv_dfm_core: str | None


def inspect_interpreter(path: str, needs_dfm: bool, timeout: float) -> Interpreter:
    """Find out whether an interpreter can host a session.

    :param path: the executable.
    :param needs_dfm: whether nv_dfm_core has to be there.
    :param timeout: seconds.
    :raises ConnectionSettingsError: it is no Python, or lacks a package.
    :raises CommandTimedOut: it did not answer in time.
    """
    hint = "Set the connection's field python to the interpreter of the federation's own environment."
    try:
        answer = subprocess.run(
            [path, "-c", _ASK],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=host_environment(),
        )
        found = json.loads(answer.stdout)
        nvflare, dfm = found["nvflare"], found["dfm"]
    except OSError as error:
        raise ConnectionSettingsError(f"python: cannot run {path}: {error.strerror}. {hint}") from None
    except subprocess.TimeoutExpired:
        raise CommandTimedOut(
            f"python: {path} gave no answer within {timeout:g} s, it may be no Python. {hint}"
        ) from None
    except (ValueError, KeyError, TypeError):
        last = (answer.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConnectionSettingsError(
            f"python: {path} is no working Python (exit code {answer.returncode}, it said: {last}). {hint}"
        ) from None
    if nvflare is None:
        raise ConnectionSettingsError(f"python: {path} has no nvflare. {hint}")
    if needs_dfm and dfm is None:
        raise ConnectionSettingsError(f"python: {path} has no nv-dfm-core, which pipelines need. {hint}")
    return Interpreter(path, nvflare, dfm)
