"""What servers and sites answer to a request for a log, as they were seen to on nvflare 2.6.3 to 2.9.0."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.job_logs import MAX_BYTES, JobLogReader

ABSENT = "tail: cannot open '1/log.txt' for reading: No such file or directory\n"


class Flare:
    """Stands in for a session that is open.

    :param replies: what the server sends back to each command, by its beginning.
    :param given: what nvflare's own get_job_logs gives, from 2.8 on; None: it has none.
    """

    def __init__(self, replies, given=None):
        self.replies = replies
        self.given = given
        self.commands = []
        self.session = SimpleNamespace(api=SimpleNamespace(do_command=self.do_command))
        if given is not None:
            self.session.get_job_logs = None

    def do_command(self, command):
        self.commands.append(command)
        data = next(reply for beginning, reply in self.replies.items() if command.startswith(beginning))
        return {"data": data, "meta": {}, "status": "SUCCESS"} if isinstance(data, list) else data

    def get_job_meta(self, job_id):
        return {"status": "RUNNING"}

    def call(self, name, arguments, keywords):
        if name == "get_job_logs" and isinstance(self.given, dict):
            return self.given
        raise NamedError("AuthenticationFailed", f"user not authorized for the action '{name}'")


def string(text):
    return [{"type": "string", "data": text}]


def get(flare, target="seattle", tail_lines=None, grep_pattern=None):
    return JobLogReader(flare).get("1", [target], tail_lines, grep_pattern)


def test_a_sites_log_is_read_at_the_site():
    flare = Flare({"tail seattle": string("one\ntwo")})
    assert get(flare, tail_lines=2) == {"logs": {"seattle": "one\ntwo\n"}, "unavailable": {}}
    assert flare.commands == ["tail seattle -n 2 1/log.txt"]


def test_the_last_lines_are_chosen_first_and_then_those_with_the_text():
    flare = Flare({"tail": string("a 1\na 2\nb 3\n")})
    assert get(flare, tail_lines=2, grep_pattern="a ")["logs"] == {"seattle": "a 2\n"}
    assert get(flare, tail_lines=0)["logs"] == {"seattle": ""}


def test_a_log_that_speaks_of_no_authorization_is_no_refusal():
    text = "user 'x' is not authorized for 'tail'\nFailed to communicate\n"
    assert get(Flare({"tail": string(text)}))["logs"] == {"seattle": text}


@pytest.mark.parametrize(
    "refusal",
    [
        string("not authorized"),
        string("user 'analyst@weather.example' is not authorized for 'tail'"),
        [{"type": "error", "data": "Authorization Error: user 'analyst@weather.example' is not authorized for 'tail'"}],
    ],
)
def test_a_user_who_may_not_read_it_is_refused_once(refusal):
    flare = Flare({"tail": refusal})
    reader = JobLogReader(flare)
    for _ in range(2):
        answer = reader.get("1", ["seattle"], None, None)
        assert answer["unavailable"] == {"seattle": "the FLARE user has no right to shell_commands at seattle"}
    assert len(flare.commands) == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (string(ABSENT), ABSENT.strip()),
        ([{"type": "error", "data": "invalid target: seattle"}], "invalid target: seattle"),
        ([{"type": "error", "data": "no reply from client - timed out"}], "no reply from client - timed out"),
        ({"status": "ERROR_INACTIVE_SESSION", "details": "Session is inactive"}, "Session is inactive"),
    ],
)
def test_a_log_that_cannot_be_read_is_unavailable_and_says_why(reply, reason):
    assert get(Flare({"tail": reply})) == {"logs": {}, "unavailable": {"seattle": reason}}


def test_a_name_that_is_no_sites_is_sent_nowhere():
    flare = Flare({})
    assert get(flare, target="server -n 5 /etc/passwd")["logs"] == {}
    assert flare.commands == []


def test_of_a_log_that_is_too_long_the_end_is_given():
    flare = Flare({"tail": string("x" * (MAX_BYTES - 4) + "\nend")})
    assert get(flare)["logs"]["seattle"].splitlines()[1:] == ["end"]
    assert flare.commands == [f"tail seattle -c {MAX_BYTES} 1/log.txt"]


def test_what_nvflare_gives_itself_is_preferred():
    flare = Flare({}, given={"logs": {"server": "one\ntwo\n"}})
    assert get(flare, "server", tail_lines=1)["logs"] == {"server": "two\n"}


def test_the_end_of_a_log_of_which_nvflare_gives_the_beginning_is_read_where_it_is():
    cut = "first\n... output truncated after 5242880 bytes ...\n"
    flare = Flare({"tail server": string("last\n")}, given={"logs": {"server": cut}})
    assert get(flare, "server", tail_lines=1)["logs"] == {"server": "last\n"}


def test_a_site_that_streams_no_log_is_read_where_it_is():
    given = {"logs": {}, "unavailable": {"seattle": "client log stream not available for this job"}}
    assert get(Flare({"tail seattle": string("one\n")}, given))["logs"] == {"seattle": "one\n"}
    assert get(Flare({"tail seattle": string(ABSENT)}, given))["unavailable"] == {
        "seattle": f"client log stream not available for this job; {ABSENT.strip()}"
    }


@pytest.mark.parametrize(("given", "first"), [(None, "log_error.txt"), ({}, "error_log.txt")])
def test_the_error_log_has_the_name_that_the_version_gives_it_or_the_other(given, first):
    second = "error_log.txt" if first == "log_error.txt" else "log_error.txt"
    replies = {f"tail seattle -n 5 1/{first}": string(ABSENT), f"tail seattle -n 5 1/{second}": string("boom")}
    flare = Flare(replies, given)
    assert JobLogReader(flare).errors("1", ["seattle"], 5, 10.0)["logs"] == {"seattle": "boom\n"}
    assert len(flare.commands) == 2


def test_when_the_time_is_over_no_more_site_is_asked():
    flare = Flare({})
    answer = JobLogReader(flare).errors("1", ["seattle", "boston"], 5, -1.0)
    assert answer == {"logs": {}, "unavailable": dict.fromkeys(("seattle", "boston"), "there was no time to ask")}


def test_the_end_of_the_servers_log_is_given_as_it_is():
    assert JobLogReader(Flare({"tail server -n 50": string("one\ntw")})).tail("1", 50) == {"text": "one\ntw"}


def test_a_log_that_was_stored_meanwhile_is_taken_from_where_nvflare_has_it():
    flare = Flare({"tail": string(ABSENT)}, given={"logs": {"server": "one\ntwo\n"}})
    assert JobLogReader(flare).tail("1", 1) == {"text": "two\n"}
    assert JobLogReader(Flare({"tail": string(ABSENT)})).tail("1", 1)["kind"] == "absent"


def test_a_log_that_can_only_be_read_whole_is_not_followed_when_it_is_large():
    large = {"logs": {"server": "x" * (2 << 20)}}
    flare = Flare({"tail": string("not authorized")}, given=large)
    assert JobLogReader(flare).tail("1", 50)["kind"] == "denied"
