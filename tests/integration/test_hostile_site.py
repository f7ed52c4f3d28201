"""A site that does not play by the rules: what it gains, which is nothing, and what becomes of the job.

Each job here is a real one on a real federation, except that the site `seattle` has more in its part of the job than it
was given: ``tests/federation/hostile_site.py``. A site that never answers is in ``test_absent_site.py`` and
``test_pipelines.py``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_dfm.federation import host_process
from airflow_provider_dfm.federation.errors import JobFailed
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings

pytestmark = pytest.mark.federation

HOSTILE = Path(__file__).resolve().parents[1] / "federation" / "hostile_site.py"
LATE = "late"
ANSWERS_TOO_EARLY = "answers too early"
# Each with what the job says of seattle. More of what it may send is in tests/unit/remote/test_incoming_tokens.py.
ATTACKS = {
    "names another site": "is not a list of texts",
    "says it is another site": "in the name of 'san_francisco'",
    "forged results": "in the name of 'san_francisco'",
    "without the key": "not sealed with the key",
    "sends DFM's own message": "is not a list of texts",
    "forged token": "in the name of 'san_francisco'",
    "yield by another way": "send nothing to 'analyst'",
    "repeats": "more than the 1 that belong at the place 'seattle'",
    "a number far ahead": "its message 1000000000 after its message 0",
    "a million lines": "1000000 results with one message",
    "sends a pickle": "it sent a pickle to the place 'seattle', of which nothing is read",
    "yields as DFM does": "it sent a pickle to the place 'seattle', of which nothing is read",
    "another checksum": "a value with another checksum than its own",
    "a path for a checksum": "a value with another checksum than its own",
    "too large a piece": "a piece of 4194305 bytes",
    "text for a piece": "has no bytes at its end",
    "a file that it has not sent": f"a value with the file '{'0' * 64}', which it has not sent",
    "a file that is not whole": "which it has not sent",
    "a file that is a path": "a value with the file '../tokens.jsonl', which it has not sent",
    "a huge line": "67108864 elements",
}
# Each is refused, and the job goes on.
UNHEARD = ("takes another name in the header", "gives the server's commands")
PAST_THE_SERVER = "past the server"


@pytest.fixture(scope="module")
def jobs(fields, tmp_path_factory):
    """All of them: attack to the results of its job."""
    with pytest.MonkeyPatch.context() as patch:
        source = host_process._source
        hostile = source("pipeline_executor") + HOSTILE.read_text().replace("from __future__ import annotations\n", "")
        patch.setattr(host_process, "_source", lambda name: hostile if name == "pipeline_executor" else source(name))
        with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
            started = {
                attack: session.execute("trial_pipelines:echo_both", [{"value": attack}, {"value": "honest"}])
                for attack in (*ATTACKS, *UNHEARD, PAST_THE_SERVER, ANSWERS_TOO_EARLY)
            }
            # The other site is at work until the job is aborted.
            held = {"value": LATE, "until": str(tmp_path_factory.mktemp("held") / "never")}
            started[LATE] = session.execute("trial_pipelines:echo_and_hold", held)
            ended = {}
            for attack, job in started.items():
                assert job.wait_until_finished(timeout=300), attack
                ended[attack] = job.results()
            yield ended


@pytest.mark.parametrize(("attack", "why"), ATTACKS.items())
def test_a_site_that_does_not_play_by_the_rules_fails_the_job_by_its_name_and_forges_nothing(jobs, attack, why):
    outcome = jobs[attack].outcome
    assert outcome.status == "FINISHED:EXECUTION_EXCEPTION"
    with pytest.raises(JobFailed, match="site seattle: it does not play by the rules: "):
        outcome.check()
    assert outcome.failed_sites.keys() == {"seattle"}
    assert why in outcome.failed_sites["seattle"]
    _check_that_nothing_is_forged(jobs[attack], attack)


@pytest.mark.parametrize("attack", UNHEARD)
def test_what_flare_would_take_for_somebody_elses_is_not_heard(jobs, attack):
    results = jobs[attack]
    assert [(each.site, each.place, each.value) for each in results] == [
        (site, site, value) for value in (attack, "honest") for site in ("san_francisco", "seattle")
    ]


def test_a_message_past_the_server_fails_the_part_of_the_site_that_it_reached(jobs):
    outcome = jobs[PAST_THE_SERVER].outcome
    assert outcome.status == "FINISHED:EXECUTION_EXCEPTION"
    why = outcome.failed_sites["san_francisco"]
    assert "the site seattle does not play by the rules: it sent a message to this site" in why
    _check_that_nothing_is_forged(jobs[PAST_THE_SERVER], PAST_THE_SERVER)


def test_an_answer_that_anybody_may_have_given_is_no_end_of_a_sites_part(jobs):
    outcome = jobs[ANSWERS_TOO_EARLY].outcome
    assert outcome.status == "FINISHED:EXECUTION_EXCEPTION"
    assert "came before its own word for it" in outcome.failed_sites["seattle"]
    assert "another site has answered in its name" in outcome.failed_sites["seattle"]


def test_what_comes_after_a_sites_end_fails_the_job(jobs):
    outcome = jobs[LATE].outcome
    assert outcome.status == "FINISHED:EXECUTION_EXCEPTION"
    assert "after it had said that its part is done" in outcome.failed_sites["seattle"]
    assert all(each.value != "forged" for each in jobs[LATE].received())


def _check_that_nothing_is_forged(results, attack):
    """Of what came before the job failed, each site gave its own, once."""
    came = [(each.parameter_set, each.site, each.place, each.value) for each in results.received()]
    values = {0: attack, 1: "honest"}
    assert all(site == place and value == values[index] for index, site, place, value in came)
    assert len(set(came)) == len(came)
