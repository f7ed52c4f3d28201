"""What is installed in the federation's interpreter, found out without importing any of it."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from airflow_provider_dfm.federation.errors import (
    CommandTimedOut,
    ConnectionSettingsError,
    FederationUnreachable,
)
from airflow_provider_dfm.federation.host_environment import host_environment

# What starting a program says of the program itself; all else, such as want of memory, is the machine's, and may pass.
_NO_PROGRAM = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ENOEXEC, errno.ELOOP)
HINT = "Set the connection's field python to the interpreter of the federation's own environment."
# Its folders first, as the session host has them, and none of where the worker happens to be.
_ASK = """
import json
import sys
sys.path[:] = [*sys.argv[1:], *filter(None, sys.path)]
libraries = {"nvflare": "nvflare", "nv_dfm_core": "nv-dfm-core"}
print(json.dumps({name: installed_version(name, of) if is_installed(name) else None for name, of in libraries.items()}))
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


def inspect_interpreter(path: str, needs_dfm: bool, timeout: float, python_path: Sequence[str] = ()) -> Interpreter:
    """Find out whether an interpreter can host a session.

    :param path: the executable.
    :param needs_dfm: whether nv_dfm_core has to be there.
    :param timeout: seconds.
    :param python_path: folders that are put first on its path.
    :raises ConnectionSettingsError: it is no Python, or lacks a package.
    :raises CommandTimedOut: it did not answer in time.
    :raises FederationUnreachable: it could not be started now, or was killed.
    """
    found = _answer(path, timeout, python_path)
    nvflare, dfm = found["nvflare"], found["nv_dfm_core"]
    if nvflare is None:
        raise ConnectionSettingsError(f"python: {path} has no nvflare. {HINT}")
    if needs_dfm and dfm is None:
        raise ConnectionSettingsError(f"python: {path} has no nv-dfm-core, which pipelines need. {HINT}")
    return Interpreter(path, nvflare, dfm)


def _answer(path: str, timeout: float, python_path: Sequence[str]) -> dict[str, Any]:
    version = resources.files("airflow_provider_dfm.remote").joinpath("library_version.py").read_text(encoding="utf-8")
    try:
        answer = subprocess.run(
            [path, "-c", version + _ASK, *python_path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            env=host_environment(),
        )
    except OSError as error:
        if error.errno in _NO_PROGRAM:
            raise ConnectionSettingsError(f"python: cannot run {path}: {error.strerror}. {HINT}") from None
        raise FederationUnreachable(
            f"python: cannot run {path} now: {error.strerror}. This machine lacks memory, processes or open files."
        ) from None
    except subprocess.TimeoutExpired:
        raise CommandTimedOut(
            f"python: {path} gave no answer within {timeout:g} s, it may be no Python. {HINT}"
        ) from None
    if answer.returncode < 0:
        raise FederationUnreachable(
            f"python: {path} was ended by {_signal(-answer.returncode)}. The machine may have too little memory."
        )
    try:
        found = json.loads(answer.stdout)
        return {"nvflare": found["nvflare"], "nv_dfm_core": found["nv_dfm_core"]}
    except (ValueError, KeyError, TypeError):
        last = (answer.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConnectionSettingsError(
            f"python: {path} is no working Python (exit code {answer.returncode}, it said: {last}). {HINT}"
        ) from None


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
