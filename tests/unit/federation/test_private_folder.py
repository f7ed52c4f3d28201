"""The private folder of a session, with processes that are really killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from airflow_provider_dfm.federation.private_folder import PREFIX, PrivateFolder, remove_abandoned
from airflow_provider_dfm.remote.session_host import LOCK, lock_folder, remove_folder

from .test_host_process import SETTINGS

SECRET = "-----BEGIN PRIVATE KEY-----"
# Opens the folder and a session host as a session does, and says what to look for.
SESSION = f"""
import logging, os, sys, time
from airflow_provider_dfm.federation.host_process import HostProcess
from airflow_provider_dfm.federation.private_folder import PrivateFolder
folder = PrivateFolder()
(folder.path / "startup_kit").mkdir()
(folder.path / "startup_kit" / "client.key").write_text({SECRET!r})
host = HostProcess(sys.executable, (), str(folder.path), {SETTINGS!r}, logging.getLogger())
print(host._pid, folder.path, flush=True)
"""
WAIT = "sys.stdin.read()"


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    """A temporary directory that all can write to, as /tmp is."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def start():
    """Starts processes, each of which says one line; ends them with the test."""
    started = []

    def run(program):
        command = [sys.executable, "-c", program]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, process.stdout.readline().split()

    yield run
    for process in started:
        process.kill()
        process.communicate()


def _kill_at_once(*pids):
    """As the machine does when it is out of memory: stopped first, so that neither can clean up after the other."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)


def _wait_until_gone(pid):
    # It is no child of this process.
    with contextlib.suppress(ProcessLookupError):
        descriptor = os.pidfd_open(pid)
        assert select.select([descriptor], [], [], 60)[0]
        os.close(descriptor)


def test_only_this_user_can_enter_it_and_it_goes_at_the_end(temporary):
    with PrivateFolder() as private:
        assert private.path.parent == temporary
        assert private.path.stat().st_mode & 0o777 == 0o700
        (private.path / "a").mkdir()
        (private.path / "a" / "b").write_text("c")
    assert list(temporary.iterdir()) == []
    private.close()


def test_parent_and_host_killed_at_once_leave_what_the_next_session_removes(start, temporary):
    parent, (host, left) = start(SESSION + WAIT)
    _kill_at_once(parent.pid, int(host))
    parent.wait()
    _wait_until_gone(int(host))
    assert (Path(left) / "startup_kit" / "client.key").read_text() == SECRET
    with PrivateFolder() as private:
        assert list(temporary.iterdir()) == [private.path]


def test_a_host_that_outlives_its_parent_still_holds_the_folder(start):
    parent, (host, left) = start(SESSION + WAIT)
    os.kill(int(host), signal.SIGSTOP)
    parent.kill()
    parent.wait()
    remove_abandoned()
    assert (Path(left) / "startup_kit" / "client.key").exists()
    os.kill(int(host), signal.SIGKILL)
    _wait_until_gone(int(host))
    remove_abandoned()
    assert not Path(left).exists()


def test_a_host_that_is_killed_leaves_the_folder_to_its_parent(start):
    _, (host, left) = start(SESSION + WAIT)
    os.kill(int(host), signal.SIGKILL)
    _wait_until_gone(int(host))
    remove_abandoned()
    assert (Path(left) / "startup_kit" / "client.key").exists()


def test_living_sessions_keep_their_folders(start):
    _, (_, other) = start(SESSION + WAIT)
    with PrivateFolder() as first, PrivateFolder() as second:
        remove_abandoned()
        assert all(path.exists() for path in (Path(other) / "startup_kit", first.path, second.path))


@pytest.mark.parametrize("dies", ["child", "parent"])
def test_a_fork_neither_ends_nor_keeps_the_folder(start, dies):
    """Airflow forks. The child leaves its ``with`` too, and may live longer than its parent."""
    child_does = "folder.close()" if dies == "child" else "print(os.getpid(), folder.path, flush=True); " + WAIT
    program = (
        "import os, sys\n"
        "from airflow_provider_dfm.federation.private_folder import PrivateFolder\n"
        "folder = PrivateFolder()\n"
        "child = os.fork()\n"
        f"if not child: {child_does}; os._exit(0)\n"
    )
    if dies == "child":
        _, (_, path) = start(program + "os.waitpid(child, 0); print(0, folder.path, flush=True); " + WAIT)
        remove_abandoned()
        assert Path(path).exists()
    else:
        parent, (child, path) = start(program + "os.waitpid(child, 0)")
        parent.kill()
        parent.wait()
        remove_abandoned()
        assert os.kill(int(child), 0) is None
        assert not Path(path).exists()


def _look_abandoned(folder):
    """Lay out what a dead session leaves."""
    folder.mkdir(mode=0o700)
    (folder / LOCK).touch()
    (folder / "client.key").write_text(SECRET)
    return folder


def test_what_looks_abandoned_is(temporary):
    """The counterpart of the tests below: each of them differs from this in one thing."""
    _look_abandoned(temporary / f"{PREFIX}x")
    remove_abandoned()
    assert list(temporary.iterdir()) == []


def test_another_users_folder_is_not_touched(temporary, monkeypatch):
    folder = _look_abandoned(temporary / f"{PREFIX}x")
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
    else:
        other = os.geteuid() + 1
        monkeypatch.setattr("os.geteuid", lambda: other)
    remove_abandoned()
    assert (folder / "client.key").exists()


def test_a_link_is_not_followed(temporary, tmp_path):
    elsewhere = _look_abandoned(tmp_path / "elsewhere")
    (temporary / f"{PREFIX}folder").symlink_to(elsewhere)
    dangling = temporary / f"{PREFIX}dangling"
    dangling.symlink_to("/nowhere")
    inside = _look_abandoned(temporary / f"{PREFIX}inside")
    (inside / "link").symlink_to(elsewhere)
    (inside / "folder").mkdir()
    (inside / "folder" / "link").symlink_to(elsewhere)
    lock = temporary / f"{PREFIX}lock"
    lock.mkdir(mode=0o700)
    (lock / LOCK).symlink_to(elsewhere / LOCK)
    remove_abandoned()
    assert sorted(path.name for path in elsewhere.iterdir()) == sorted([LOCK, "client.key"])
    assert not inside.exists()
    assert dangling.is_symlink()
    assert lock.exists()


def test_what_was_not_made_here_is_not_touched(temporary):
    work = temporary / f"{PREFIX}0.1.0"
    (work / "demo").mkdir(parents=True, mode=0o700)
    work.chmod(0o700)
    open_to_all = _look_abandoned(temporary / f"{PREFIX}open")
    open_to_all.chmod(0o755)
    file = temporary / f"{PREFIX}notes.txt"
    file.write_text("notes")
    other = _look_abandoned(temporary / "another-prefix")
    remove_abandoned()
    assert all(path.exists() for path in (work / "demo", open_to_all / "client.key", file, other / "client.key"))


def test_a_removal_that_is_interrupted_can_be_taken_up(temporary, monkeypatch):
    folder = _look_abandoned(temporary / f"{PREFIX}x")
    (folder / "kit").mkdir()
    with monkeypatch.context() as patch:
        # Stands for a kill in the middle, or a file that is being written.
        patch.setattr("shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(OSError, match="not empty"):
            remove_folder(str(folder))
    assert (folder / LOCK).exists()
    remove_abandoned()
    assert not folder.exists()


def test_a_folder_that_is_swept_while_it_is_made_is_given_up(temporary, monkeypatch):
    """Between each two steps of its making, somebody else sweeps."""
    make = tempfile.mkdtemp
    locked = lock_folder
    met = []

    def sweep(step, path):
        # The lock file is there from the moment that it can be locked.
        if len(met) < 2:
            met.append((step, path))
            (Path(path) / LOCK).touch()
            remove_abandoned()
            assert not Path(path).exists()

    def slow_mkdtemp(**options):
        path = make(**options)
        if len(met) == 0:
            sweep("made", path)
        return path

    def slow_lock(path):
        held = locked(path)
        if len(met) == 1:
            # As if the sweep had come between opening the file and locking it.
            os.close(held)
            descriptor = os.open(os.path.join(path, LOCK), os.O_RDWR)
            sweep("opened", path)
            return descriptor
        return held

    monkeypatch.setattr("tempfile.mkdtemp", slow_mkdtemp)
    monkeypatch.setattr("airflow_provider_dfm.federation.private_folder.lock_folder", slow_lock)
    with PrivateFolder() as private:
        assert [step for step, _ in met] == ["made", "opened"]
        remove_abandoned()
        assert list(temporary.iterdir()) == [private.path]


def test_many_at_once_lose_none_and_leave_none(start, temporary):
    """Four processes with four threads each make, check and close folders while they sweep each other's."""
    program = """
import threading
from airflow_provider_dfm.federation.private_folder import PrivateFolder
failed = []
def work():
    for number in range(50):
        with PrivateFolder() as private:
            (private.path / "a").mkdir()
            if not (private.path / "a").is_dir(): failed.append(number)
def guarded():
    try: work()
    except BaseException as error: failed.append(repr(error))
threads = [threading.Thread(target=guarded) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(*failed or ["well"], flush=True)
"""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(start(program)[1])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["well"]] * 4
    remove_abandoned()
    assert list(temporary.iterdir()) == []
