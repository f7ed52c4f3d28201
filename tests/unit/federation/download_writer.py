"""Keeps a downloaded job's files as a task does, in a process of its own: ``source target job_id way``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from airflow_provider_dfm.federation import steps
from airflow_provider_dfm.federation.downloaded_job import find_download, keep_download

MODEL = "workspace/app_server/model.npy"
# More than one part of an upload.
MIDDLE = 17_000_000
IN_THE_MIDDLE, BEFORE_THE_MANIFEST, AT_ONCE, MEASURED = "in the middle", "before the manifest", "at once", "measured"


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


class DeadlyFile:
    """Kills who reads on from the middle."""

    def __init__(self, file):
        self._file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._file.close()

    def read(self, size):
        return self._file.read(size) if self._file.tell() < MIDDLE else die()


class DeadlyPath(type(Path())):
    def open(self, *args):
        file = super().open(*args)
        return DeadlyFile(file) if self.name == Path(MODEL).name else file


def memory(name):
    """``VmRSS`` or ``VmHWM`` of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def main(source, target, job_id, way):
    if "://" in target:
        from airflow.sdk import ObjectStoragePath

        target = ObjectStoragePath(target)
    else:
        target = Path(target)
    source = DeadlyPath(source) if way == IN_THE_MIDDLE else Path(source)
    if way == BEFORE_THE_MANIFEST:
        steps.observer = lambda step, _: step == steps.KEEPING and die()
    # The first use of an object store imports its libraries.
    assert find_download(target, job_id, None) is None
    if way == AT_ONCE:
        print("ready", flush=True)
        sys.stdin.readline()
    before = memory("VmRSS")
    keep_download(source, target, job_id, None)
    if way == MEASURED:
        # What is there is read there.
        keep_download(source, target, job_id, None)
        print(memory("VmHWM") - before)


if __name__ == "__main__":
    main(*sys.argv[1:])
