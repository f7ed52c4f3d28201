"""What a session brings of jobs whose metas were made up, and what it leaves behind.

A list stands in for the server: a real one takes such metas too (``tests/versions``), but loses no replies on demand.
"""

from __future__ import annotations

import base64
import itertools
import logging
import pickle
import shutil
import sys
from decimal import Decimal
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.federation import job_results
from airflow_provider_dfm.federation.errors import (
    FederationError,
    FederationUnreachable,
    JobMetaError,
    ResultsIncomplete,
    TransientFederationError,
)
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.job_results import JobResults
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

from .tokens import end, large, token, write_job

IDS = [f"2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2{number:02x}" for number in range(120)]
A, B, C = IDS[:3]
TOKENS = (token(frame=[0]), token(frame=[1]), end([0]), end([1]), end("stop"))


class Server:
    """Jobs with what they say of themselves; each download is a folder of its own.

    :param folder: where downloads go.
    """

    def __init__(self, folder, target="flare"):
        self.settings = SimpleNamespace(target=target)
        self.jobs = {}
        self.folder = folder
        self.tokens = TOKENS
        self.values = ()
        self.asked = 0

    def add(self, job_id, note=None, **fields):
        props = {} if note is None else {"airflow_provider_dfm": {"parameter_sets": 2, "places": ["answer"]} | note}
        meta = {"job_id": job_id, "status": "FINISHED:COMPLETED", "custom_props": props}
        self.jobs[job_id] = JobMeta.model_validate(meta | fields)

    def get_job_meta(self, job_id):
        self.asked += 1
        assert self.asked < 1000, "asked for ever"
        return self.jobs[job_id]

    def transfer(self, method, job_id):
        number = len(list(self.folder.iterdir()))
        return {"location": str(write_job(self.folder / f"{number}-{job_id}", *self.tokens, values=self.values))}


@pytest.fixture
def server(tmp_path):
    (tmp_path / "private").mkdir()
    return Server(tmp_path / "private")


def results_of(server, path):
    return JobResults(server, server.get_job_meta, path, logging.getLogger("test"))


def left_in(server):
    return [path.name for path in server.folder.iterdir()]


@pytest.mark.parametrize("circle", [(A,), (A, B), (A, B, C)], ids=len)
@pytest.mark.parametrize("kept", [True, False])
def test_jobs_that_continue_each_other_in_a_circle_are_an_error(server, tmp_path, circle, kept):
    for job_id, earlier in zip(circle, (*circle[1:], circle[0]), strict=True):
        server.add(job_id, {"set_numbers": [1], "continues": earlier})
    with pytest.raises(JobMetaError, match="continues job"):
        results_of(server, tmp_path / "kept" if kept else None).of(A)
    assert left_in(server) == []


def test_a_chain_of_jobs_without_an_end_is_an_error(server, tmp_path):
    for job_id, earlier in itertools.pairwise(IDS):
        server.add(job_id, {"set_numbers": [1], "continues": earlier})
    with pytest.raises(JobMetaError, match="too many jobs"):
        results_of(server, tmp_path / "kept").of(A)


def test_a_job_that_continues_one_with_another_content_is_an_error(server, tmp_path):
    """Somebody else's results would be mixed with its own."""
    server.add(A, {"set_numbers": [1], "continues": B, "content": "a"})
    server.add(B, {"content": "b"})
    with pytest.raises(JobMetaError, match="something else"):
        results_of(server, tmp_path / "kept").of(A)


def test_a_job_that_does_continue_another_has_the_results_of_both(server, tmp_path):
    server.add(A, {"set_numbers": [1], "continues": B, "content": "a"})
    server.add(B, {"content": "a"})
    assert len(results_of(server, tmp_path / "kept").of(A)) == 3


@pytest.mark.parametrize("circle", [(A,), (A, B)], ids=len)
def test_clones_of_each_other_are_plain_jobs(server, tmp_path, circle):
    for job_id, origin in zip(circle, (*circle[1:], circle[0]), strict=True):
        server.add(job_id, cloned_from=origin)
    assert results_of(server, tmp_path / "kept").check(A) is None


def test_what_is_kept_of_a_local_job_is_not_brought_again_whatever_is_in_it(tmp_path):
    """Its folder in the session host is gone by then, and nothing else has its results."""
    (tmp_path / "private").mkdir()
    server = Server(tmp_path / "private", "local")
    server.tokens = (
        token(value={"value": base64.b64encode(pickle.dumps(Decimal(1))).decode()}, tag="PickledObject"),
        end([0]),
        end("stop"),
    )
    server.add(A, {"parameter_sets": 1})
    results = results_of(server, tmp_path / "kept")
    assert results.of(A).outcome.pickles
    server.transfer = None
    assert results.of(A).outcome.pickles


def test_a_forged_job_fails_by_name_when_it_is_checked(server, tmp_path):
    server.add(A, {"parameter_sets": "x"})
    with pytest.raises(JobMetaError, match=A):
        results_of(server, tmp_path / "kept").check(A)


def test_a_disk_that_takes_nothing_is_named_and_leaves_no_downloaded_copy(server, tmp_path):
    server.add(A, {})
    (tmp_path / "kept").write_text("a file in the way")
    with pytest.raises(TransientFederationError, match=rf"Cannot (read|write) .*kept/{A}"):
        results_of(server, tmp_path / "kept").of(A)
    assert left_in(server) == []


def test_a_merge_that_fails_leaves_no_downloaded_copy(server, tmp_path, monkeypatch):
    server.add(A, {"set_numbers": [1], "continues": B})
    monkeypatch.setattr(server, "get_job_meta", lambda job_id: server.jobs[A] if job_id == A else _unreachable())
    with pytest.raises(FederationUnreachable):
        results_of(server, tmp_path / "kept").of(A)
    assert left_in(server) == []


def _unreachable():
    raise FederationUnreachable("The server is away.")


def test_what_is_kept_of_a_local_job_alone_stays_when_keeping_fails(tmp_path):
    (tmp_path / "private").mkdir()
    server = Server(tmp_path / "private", "local")
    server.add(A, {})
    (tmp_path / "kept").write_text("a file in the way")
    with pytest.raises(FederationError):
        results_of(server, tmp_path / "kept")._bring_copy(server.jobs[A], ())
    assert len(left_in(server)) == 1


@pytest.fixture
def local(tmp_path):
    """A session host with one local job, whose only copy goes when its results are kept."""
    (tmp_path / "private").mkdir()
    server = Server(tmp_path / "private", "local")
    folder = server.folder / "job"
    server.transfer = lambda method, job_id: {"location": str(folder)}
    return server, folder


def test_a_local_job_without_any_result_is_kept_once_and_read_as_often_as_wanted(local, tmp_path):
    """It has no other copy, and was looked for ten minutes in the folder that was gone."""
    server, folder = local
    server.add(A, {"parameter_sets": 0})
    results = results_of(server, tmp_path / "kept")
    write_job(folder, end("stop"))
    results.keep_ended(A)
    assert not folder.exists()
    assert len(results._bring(server.jobs[A])) == len(results.of(A)) == 0


def test_a_local_jobs_results_that_are_gone_are_an_error_at_once(local, tmp_path):
    server, folder = local
    server.add(A, {})
    results = results_of(server, tmp_path / "kept")
    write_job(folder, *TOKENS)
    results.keep_ended(A)
    shutil.rmtree(tmp_path / "kept")
    with pytest.raises(ResultsIncomplete, match=r"of the local job .* are gone"):
        results.of(A)


@pytest.fixture
def session(tmp_path, monkeypatch):
    """A session without results_path, with one job in its private folder."""
    settings = read_settings({"user": "a", "startup_kit": "/nowhere", "python": sys.executable}, "x")
    with FederationSession(settings, log_in=False) as opened:
        server = Server(opened._session.folder)
        server.add(A, {})
        monkeypatch.setattr(opened._session, "transfer", server.transfer)
        monkeypatch.setattr(opened._results, "_get_job_meta", server.get_job_meta)
        yield opened


def test_results_of_a_closed_session_are_an_error_and_not_none(session):
    results = session.results(A)
    begun = iter(results)
    assert len(list(results)) == len(results) == 2
    session.close()
    for read in (
        lambda: list(results),
        lambda: next(begun),
        lambda: results.of_set(1),
        lambda: list(results.received()),
    ):
        with pytest.raises(ResultsIncomplete, match="the session was closed"):
            read()


def test_an_iteration_in_which_the_session_is_closed_has_all_results(session):
    reading = iter(session.results(A))
    first = next(reading)
    session.close()
    assert [each.parameter_set for each in (first, *reading)] == [0, 1]


def test_a_copy_whose_server_never_stores_what_the_job_wrote_is_removed(server, monkeypatch):
    monkeypatch.setattr(job_results, "download_stored_job", _without_workspace(job_results.download_stored_job))
    server.add(A, {})
    with pytest.raises(TransientFederationError, match="has still not stored"):
        results_of(server, None).of(A)
    assert left_in(server) == []


def _without_workspace(download_stored_job):
    def download_it(download, meta):
        def take():
            location = download()
            shutil.rmtree(location / "workspace")
            return location

        return download_stored_job(take, meta, 0, 0)

    return download_it


@pytest.mark.parametrize("left", [None, b"", b"a"], ids=["gone", "empty", "short"])
def test_results_of_which_a_large_value_was_lost_are_brought_anew(server, tmp_path, left, caplog):
    server.tokens, server.values = (large(b"ab"), *TOKENS[1:]), (b"ab",)
    server.add(A, {})
    results = results_of(server, tmp_path / "kept")
    results.of(A)
    (lost,) = (tmp_path / "kept" / A / "values").iterdir()
    lost.unlink() if left is None else lost.write_bytes(left)
    first = next(iter(results.of(A)))
    assert first.files.open(lost.name).read() == b"ab"
    assert "brought anew" in caplog.text
