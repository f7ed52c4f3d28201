"""Builds the virtual environments: Airflow's with this project, and the federations'.

They cannot be one: nv-dfm-core and Airflow need versions of universal-pathlib that exclude each other, and a
federation's client has to be of its own nvflare version. Runs with any Python that the project supports, and the
standard library alone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import time
import venv
from collections import deque
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / ".build"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
SUPPORTED = ("3.10", "3.11", "3.12")
SECONDS_BETWEEN_LINES = 10.0

# What pip installs into each environment; the versions are in constraints/.
REQUIREMENTS = {
    "airflow": ["apache-airflow==3.3.2", "--editable", ".[dev]"],
    "federation": ["nv-dfm-core==3.1.31", "nvflare==2.6.3", "pillow", "vega_datasets"],
    "flare-2.7": ["nvflare==2.7.3"],
    "flare-2.8": ["nvflare==2.8.3"],
    # Never built below .build/: the Dockerfile installs it, by its constraints.
    "cluster": ["apache-airflow==3.3.2", "hatchling", ".[s3,cluster]"],
}
# The others are for `make test-all-versions` alone, which names them, and for the images.
BUILT_BY_DEFAULT = ("airflow", "federation")


class BuildFailed(RuntimeError):
    """An environment could not be built."""


def constraints(name: str) -> Path:
    """The file that pins an environment's versions for this Python.

    :param name: one of :data:`REQUIREMENTS`.
    """
    return ROOT / "constraints" / f"{name}-{PYTHON}.txt"


def build(name: str) -> Path:
    """Build an environment, unless it is there as the project's files want it.

    :param name: one of :data:`REQUIREMENTS`.
    :return: its interpreter.
    """
    folder = BUILD / name
    base, project = BUILD / f"{name}.stamp", BUILD / f"{name}.project.stamp"
    with _lock(name) as lock:
        base_wanted, project_wanted = _base_fingerprint(name), _project_fingerprint(name)
        if _read(base) != base_wanted:
            base.unlink(missing_ok=True)
            project.unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
            _install(name, folder, lock, fresh=True)
            base.write_text(base_wanted)
        elif _read(project) != project_wanted:
            # Not from scratch: another make may be using the environment.
            _install(name, folder, lock, fresh=False)
        else:
            return folder / "bin" / "python"
        project.write_text(project_wanted)
    return folder / "bin" / "python"


@contextlib.contextmanager
def _lock(name: str) -> Iterator[int]:
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{name}: waiting for another build …", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def _base_fingerprint(name: str) -> str:
    # Not sys.executable: python3 and python3.11 can be one and the same.
    digest = hashlib.sha256(f"{sys.base_prefix} {sys.version} {BUILD} {REQUIREMENTS[name]}".encode())
    digest.update(constraints(name).read_bytes())
    return digest.hexdigest()


def _project_fingerprint(name: str) -> str:
    project = (ROOT / "pyproject.toml").read_bytes() if name == "airflow" else b""
    return hashlib.sha256(project).hexdigest()


def _read(stamp: Path) -> str:
    return stamp.read_text() if stamp.exists() else ""


def _install(name: str, folder: Path, lock: int, fresh: bool) -> None:
    what = "building the environment" if fresh else "installing the changed project"
    print(f"{name}: {what} with Python {PYTHON} …", flush=True)
    started = time.monotonic()
    log = BUILD / f"{name}.log"
    pip = _make_environment(folder) if fresh else _pip_of(folder)
    command = [*pip, "install", "--disable-pip-version-check", "--no-input"]
    command += ["--constraint", str(constraints(name)), *REQUIREMENTS[name]]
    with log.open("w") as output:
        # pip inherits the lock: no other build starts while it lives, also when this process is killed.
        installing = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, pass_fds=[lock])
        try:
            _show_progress(name, installing, log, started)
        finally:
            if installing.poll() is None:
                installing.terminate()
                installing.wait()
    if installing.returncode:
        lines = deque(log.read_text(errors="replace").splitlines(), maxlen=12)
        last = "".join(f"  {line}\n" for line in lines)
        raise BuildFailed(f"pip could not build the {name} environment. Its last lines:\n{last}All of them: {log}")
    print(f"{name}: ready, {time.monotonic() - started:.0f} s", flush=True)


def _make_environment(folder: Path) -> list[str]:
    if importlib.util.find_spec("ensurepip") is not None:
        venv.create(folder, with_pip=True, symlinks=True)
        return _pip_of(folder)
    # Debian keeps ensurepip in a package of its own; its pip can work on another environment.
    venv.create(folder, with_pip=False, symlinks=True)
    return _pip_of(folder)


def _pip_of(folder: Path) -> list[str]:
    python = folder / "bin" / "python"
    if any(folder.glob("lib/python*/site-packages/pip")):
        return [str(python), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(python)]


def _show_progress(name: str, installing: subprocess.Popen[bytes], log: Path, started: float) -> None:
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            installing.wait(SECONDS_BETWEEN_LINES)
            return
        text = log.read_text(errors="replace")
        found = sum(line.startswith("Collecting ") for line in text.splitlines())
        step = "installing" if "\nInstalling collected packages" in text else "fetching"
        seconds = time.monotonic() - started
        print(f"{name}: {step}, {found} packages found, {seconds:.0f} s", flush=True)


def main() -> int:
    """Build the environments that are named on the command line."""
    if PYTHON not in SUPPORTED:
        supported = ", ".join(SUPPORTED)
        print(
            f"This project needs Python {supported}; {sys.executable} is {PYTHON}. "
            "Name another one: make PYTHON=python3.12 demo",
            file=sys.stderr,
        )
        return 2
    names = sys.argv[1:] or list(BUILT_BY_DEFAULT)
    if len(names) > 1:
        return _build_at_once(names)
    try:
        build(names[0])
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _build_at_once(names: list[str]) -> int:
    # pip is bound by one core: two take little longer than one.
    building = [subprocess.Popen([sys.executable, __file__, name]) for name in names]
    return max([process.wait() for process in building])


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
