"""The words of DFM's runner and its site processes; real ones die in tests/integration/test_local_deaths.py."""

from __future__ import annotations

import logging
import shutil
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.remote.runner_words import WORDS, RunnerWords, SiteWords, logger_of, why_it_died

PANIC = "JobController error occurred during NetRunner execution for job 1: can't start new thread"


def execution(**exit_codes):
    return SimpleNamespace(_workers={site: SimpleNamespace(exitcode=code) for site, code in exit_codes.items()})


@pytest.fixture
def words(tmp_path):
    made = RunnerWords("job", str(tmp_path / "job"))
    yield made
    logger_of("job").removeHandler(made)


@pytest.fixture
def runner(words):
    return logger_of("job").getChild("LocalDelegate.FederationRunner")


@pytest.fixture
def seattle(tmp_path, words, runner):
    logger = runner.getChild("JobExecution.JobRunner_seattle")
    handler = SiteWords(str(tmp_path))
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)


def test_a_site_that_gave_up_says_why_and_the_runner_what_it_found(words, runner, seattle):
    logging.getLogger("nv_dfm_core.local").setLevel(logging.INFO)
    runner.info("[Federation] Releasing execution 0 back to the pool.")
    runner.info("[HealthCheck] Detected dead execution IDs: {0}. Cleaning up...")
    seattle.error("first")
    seattle.error(PANIC)
    assert why_it_died(words, execution(seattle=0, server=-15), "analyst") == {
        "seattle": f"{PANIC}. DFM's runner said: [HealthCheck] Detected dead execution IDs: {{0}}. Cleaning up..."
    }


def test_what_the_others_say_once_one_has_died_is_not_the_reason(words, seattle):
    seattle.error("Transition t1_fire failed with exception: Event loop stopped before Future completed.")
    seattle.error("Transition t1_try_activate not found in _futures")
    assert why_it_died(words, execution(seattle=0, server=-9), "analyst") == {
        "server": "died, or went away: its process ended with exit code -9"
    }


def test_of_sites_that_left_no_word_the_exit_code_tells(words):
    assert why_it_died(words, execution(seattle=-9, server=-15, analyst=0), "analyst") == {
        "seattle": "died, or went away: its process ended with exit code -9"
    }
    assert why_it_died(words, execution(seattle=-15, server=0), "analyst") == {
        "seattle": "died, or went away: its process ended with exit code -15"
    }
    assert why_it_died(words, execution(seattle=0, server=None), "analyst") == {
        "analyst": "died, or went away, and left no word of it"
    }


def test_words_are_few_and_short_and_fit_for_a_database(words, runner, seattle):
    for _ in range(100):
        runner.warning("x" * 10_000)
    # Not by the logger: pytest-xdist cannot carry what pytest captures of it, half a surrogate pair.
    said = "a\x00b\ud800c\n" + "x" * 10_000 + "the cause"
    seattle.handlers[0].emit(logging.makeLogRecord({"name": seattle.name, "msg": said}))
    assert len(words.of_runner()) == WORDS
    assert {len(text) for text in words.of_runner()} == {1000}
    said = words.of_sites()["seattle"]
    assert said.startswith("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c x")
    assert said.endswith("the cause")


def test_no_more_of_an_error_is_kept_than_is_told(tmp_path, words, runner, seattle):
    runner.warning("x" * 100_000)
    assert [len(text) for text in words._said] == [1000]
    seattle.error("x" * 100_000)
    assert (tmp_path / "job" / "said" / "seattle").stat().st_size == 1000


def test_once_the_jobs_folder_is_gone_its_sites_say_nothing(words, seattle, tmp_path):
    seattle.error(PANIC)
    assert list(words.of_sites()) == ["seattle"]
    shutil.rmtree(tmp_path / "job")
    assert words.of_sites() == {}
