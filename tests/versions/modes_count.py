"""Runs a Python module where the modes of files count, also for root.

Root may write what its mode forbids by two capabilities. A process that starts without them may not.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# include/uapi/linux/prctl.h and capability.h
PR_CAPBSET_DROP = 24
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def run_where_modes_count(module: str, *arguments: str) -> str:
    """Run a module; gives what it printed.

    :raises AssertionError: it failed; with what it wrote.
    """
    command = [sys.executable, "-m", module, *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, preexec_fn=_drop_capabilities)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def make_read_only(folder: Path) -> None:
    """Take away the right to write into a folder and all that is in it."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)


def contents(folder: Path) -> dict[str, tuple[bytes | None, int]]:
    """Name to bytes and time of change of all that is in a folder; no bytes for a folder."""
    found = [folder, *folder.rglob("*")]
    return {str(path): (path.read_bytes() if path.is_file() else None, path.stat().st_mtime_ns) for path in found}


def _drop_capabilities() -> None:
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        if libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "cannot drop a capability")
