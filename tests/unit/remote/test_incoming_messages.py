"""What a job's server takes of its sites' messages. FLARE's own part of it is in ``test_hostile_site.py``."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from nvflare.apis.fl_constant import CellMessageAuthHeaderKey, ReservedKey, ReturnCode
from nvflare.apis.shareable import Shareable, make_reply
from nvflare.apis.utils import reliable_message
from nvflare.private.defs import AUTH_CLIENT_NAME_FOR_SJ, new_cell_message

from airflow_provider_dfm.remote import authenticated_peers, incoming_tokens
from airflow_provider_dfm.remote.authenticated_peers import AuthenticatedPeers
from airflow_provider_dfm.remote.incoming_messages import IncomingMessages, ServerMessages
from airflow_provider_dfm.remote.incoming_tokens import IncomingTokens, SitePart
from airflow_provider_dfm.remote.message_seal import MessageSeal
from airflow_provider_dfm.remote.token_store import TokenStore
from tests.unit.federation.tokens import token
from tests.unit.remote.test_line_file import FullDisk

SITES = ("seattle", "denver")
SEALS = {site: MessageSeal(f"key of {site}", "job") for site in SITES}


class Server:
    """A job's server, which gets messages without FLARE."""

    def __init__(self, folder):
        self.store = TokenStore()
        self.store.open(str(folder))
        self.failures = []
        part = SitePart("", {"answer": 1})
        tokens = {site: IncomingTokens(site, part, "job", range(100)) for site in SITES}
        self.messages = IncomingMessages(SEALS, tokens, self.store, lambda *failure: self.failures.append(failure))
        self.receive = self.messages.receiving(self.messages.take_results)

    def end(self, site, number, seal=None):
        return self.send(site, number, seal=seal, receive=self.messages.receiving(self.messages.take_end))

    def send(self, site, *parts, seal=None, receive=None):
        context = SimpleNamespace(get_peer_context=lambda: SimpleNamespace(get_identity_name=lambda: site))
        request = SEALS[seal or site].put(Shareable(), "results", [str(part) for part in parts])
        return (receive or self.receive)("results", request, context).get_return_code()

    @property
    def values(self):
        return [json.loads(line)["tagged_data"][1] for line in self.store.read(0)["text"].splitlines()]


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path)


def line(value, frame=0, site="seattle"):
    return json.dumps(token(value=value, frame=[frame], site=site))


def test_a_message_that_comes_again_is_answered_again_and_taken_once(server):
    for _ in range(2):
        assert server.send("seattle", 1, line("a")) == ReturnCode.OK
    assert server.send("denver", 1, line("b", site="denver")) == ReturnCode.OK
    assert server.send("seattle", 2, line("c", 1), line("d", 2)) == ReturnCode.OK
    assert server.send("seattle", 1, line("a")) == ReturnCode.OK
    assert server.values == ["a", "b", "c", "d"]
    assert server.failures == []


@pytest.mark.parametrize(
    ("site", "seal", "parts", "why"),
    [
        ("seattle", None, [10**9, line("x")], "its message 1000000000 after its message 0"),
        ("seattle", None, [2], "its message 2 after its message 0"),
        ("seattle", None, ["-1", line("x")], "without a number"),
        ("seattle", None, ["one"], "without a number"),
        ("seattle", None, ["²"], "without a number"),
        ("seattle", None, ["1" * 100_000], "without a number"),
        ("seattle", None, [], "without a number"),
        ("seattle", "denver", [1, line("x", site="denver")], "not sealed with the key"),
        ("seattle", None, [1, line("good"), line("x", site="denver")], "in the name of 'denver'"),
    ],
)
def test_a_site_that_does_not_play_by_the_rules_is_named_and_nothing_of_its_message_is_taken(
    server, site, seal, parts, why
):
    assert server.send(site, *parts, seal=seal) == ReturnCode.BAD_REQUEST_DATA
    ((named, reason),) = server.failures
    assert named == site
    assert "does not play by the rules" in reason
    assert why in reason
    assert server.values == []
    assert server.send("denver", 1, line("b", site="denver")) == ReturnCode.OK


@pytest.mark.parametrize("stranger", ["chicago", "server", AUTH_CLIENT_NAME_FOR_SJ])
def test_who_has_no_part_in_the_job_is_refused_and_cannot_fail_it(server, caplog, stranger):
    assert server.send(stranger, 1, line("x", site="denver"), seal="denver") == ReturnCode.BAD_REQUEST_DATA
    assert server.failures == []
    assert server.values == []
    assert f"refused a message of '{stranger}', which has no part in this job" in caplog.text


def test_nothing_comes_after_a_site_has_said_that_its_part_is_done(server):
    assert server.send("seattle", 1, line("a")) == ReturnCode.OK
    assert server.end("seattle", 1) == ReturnCode.OK
    assert server.messages.has_ended("seattle")
    assert not server.messages.has_ended("denver")
    assert server.send("seattle", 2, line("late", 1)) == ReturnCode.BAD_REQUEST_DATA
    assert "after it had said that its part is done" in server.failures[0][1]
    assert server.values == ["a"]


@pytest.mark.parametrize(("number", "seal"), [(0, None), (2, None), ("", None), (1, "denver")])
def test_a_site_has_not_ended_before_all_of_its_results_are_here_and_it_says_so_itself(server, number, seal):
    assert server.send("seattle", 1, line("a")) == ReturnCode.OK
    assert server.end("seattle", number, seal=seal) == ReturnCode.BAD_REQUEST_DATA
    assert not server.messages.has_ended("seattle")
    assert server.failures[0][0] == "seattle"


def test_a_generator_of_too_many_items_breaks_no_rule(server, monkeypatch):
    monkeypatch.setattr(incoming_tokens, "TOKENS", 1)
    monkeypatch.setattr(incoming_tokens, "TOKENS_A_SET", 0)
    assert server.send("seattle", 1, line("a"), line("b", 1)) == ReturnCode.BAD_REQUEST_DATA
    reason = "it sent more than 1 tokens, which is more than this provider takes of one site"
    assert server.failures == [("seattle", reason)]
    assert server.values == []


def test_a_site_that_gave_nothing_ends_too(server):
    assert server.end("seattle", 0) == ReturnCode.OK
    assert server.messages.has_ended("seattle")


def test_a_full_disk_is_the_servers_fault(server, monkeypatch):
    disk = FullDisk(monkeypatch, 10)
    with pytest.raises(OSError):
        server.send("seattle", 1, line("a"))
    ((named, reason),) = server.failures
    assert named == "server"
    assert "the results of seattle could not be written: [Errno 28] No space left on device" in reason
    disk.room = 10_000
    assert server.values == []


def test_a_site_takes_what_its_server_has_sealed_and_names_the_sender_of_anything_else():
    messages, taken, failures = ServerMessages(SEALS["seattle"]), [], []
    messages.fail = failures.append
    receive = messages.receiving(taken.append)
    context = SimpleNamespace(get_peer_context=lambda: SimpleNamespace(get_identity_name=lambda: "denver"))
    assert receive("t", SEALS["seattle"].put(Shareable(), "t", ["1"]), context).get_return_code() == ReturnCode.OK
    refused = receive("t", SEALS["denver"].put(Shareable(), "t", ["2"]), context)
    assert refused.get_return_code() == ReturnCode.BAD_REQUEST_DATA
    assert taken == [["1"]]
    assert "the site denver does not play by the rules" in str(failures[0])


class Cell:
    """Gives messages to the peers as FLARE's cell does; keeps what they hand on."""

    def __init__(self, **options):
        self.came = []
        self.status = reliable_message.STATUS_IN_PROCESS
        self.peers = AuthenticatedPeers(self._receive, **options)

    def _receive(self, request):
        self.came.append(request.payload)
        return new_cell_message({}, make_reply(ReturnCode.OK, {reliable_message.HEADER_STATUS: self.status}))

    def send(self, transaction, header="seattle", says="seattle", parts=(), seconds=10):
        message = SEALS["seattle"].put(Shareable(), "results", list(parts))
        message.set_header(reliable_message.HEADER_OP, reliable_message.OP_REQUEST)
        message.set_header(reliable_message.HEADER_TX_ID, transaction)
        message.set_header(reliable_message.HEADER_PER_MSG_TIMEOUT, seconds)
        message.set_header(reliable_message.HEADER_TX_TIMEOUT, seconds)
        message.set_peer_props({ReservedKey.IDENTITY_NAME: says, "other": 1})
        answer = self.peers.receive(new_cell_message({CellMessageAuthHeaderKey.CLIENT_NAME: header}, message))
        return message, answer.payload.get_return_code()

    def done(self, message, site="seattle"):
        context = SimpleNamespace(get_peer_context=lambda: SimpleNamespace(get_identity_name=lambda: site))
        self.peers.done(message, context)


def test_a_sender_has_the_name_that_flare_has_checked_and_not_the_one_that_it_gives_itself():
    cell = Cell()
    cell.send("1", header="seattle", says="denver")
    assert cell.came[0].get_peer_props() == {ReservedKey.IDENTITY_NAME: "seattle", "other": 1}
    # A site has seen the token of the server's process, and may send it; that process does not write to itself.
    cell.send("2", header=AUTH_CLIENT_NAME_FOR_SJ, says="denver")
    assert cell.came[1].get_peer_props()[ReservedKey.IDENTITY_NAME] == AUTH_CLIENT_NAME_FOR_SJ


def test_at_a_site_the_servers_process_has_a_name_under_which_it_can_be_answered(monkeypatch):
    monkeypatch.setattr(authenticated_peers, "MESSAGES_WAITING", 0)
    cell = Cell(is_site=True)
    for number in range(2):
        assert cell.send(str(number), header=AUTH_CLIENT_NAME_FOR_SJ, says="denver")[1] == ReturnCode.OK
    assert cell.came[1].get_peer_props()[ReservedKey.IDENTITY_NAME] == "server"
    messages, failures = ServerMessages(SEALS["seattle"]), []
    messages.fail = failures.append
    context = SimpleNamespace(get_peer_context=lambda: SimpleNamespace(get_identity_name=lambda: "server"))
    messages.receiving(failures.append)("t", SEALS["denver"].put(Shareable(), "t", ["2"]), context)
    assert "somebody under the server's name does not play by the rules" in str(failures[0])


@pytest.mark.parametrize("seconds", [10**9, "soon", None])
def test_a_sender_does_not_choose_how_long_its_answer_is_waited_with(seconds):
    cell = Cell()
    cell.send("1", seconds=seconds)
    assert cell.came[0].get_header(reliable_message.HEADER_PER_MSG_TIMEOUT) == 10
    assert cell.came[0].get_header(reliable_message.HEADER_TX_TIMEOUT) == 300


def test_what_a_site_piles_up_waits_with_the_site(monkeypatch):
    monkeypatch.setattr(authenticated_peers, "MESSAGES_WAITING", 2)
    monkeypatch.setattr(authenticated_peers, "CHARACTERS_WAITING", 10)
    cell = Cell()
    # One is let in however large, and one that comes again is no other.
    first, answer = cell.send("1", parts=["x" * 20])
    assert answer == ReturnCode.OK
    assert cell.send("1", parts=["x" * 20])[1] == ReturnCode.OK
    assert cell.send("2", parts=["x"])[1] == ReturnCode.SERVICE_UNAVAILABLE
    # Another site's do not wait for it.
    assert cell.send("3", header="denver", parts=["x"])[1] == ReturnCode.OK
    cell.done(first)
    second, answer = cell.send("2", parts=["x"])
    assert answer == ReturnCode.OK
    assert cell.send("4")[1] == ReturnCode.OK
    assert cell.send("5")[1] == ReturnCode.SERVICE_UNAVAILABLE
    cell.done(second)
    assert cell.send("5")[1] == ReturnCode.OK


def test_what_comes_again_after_it_was_dealt_with_does_not_wait(monkeypatch):
    monkeypatch.setattr(authenticated_peers, "MESSAGES_WAITING", 1)
    cell = Cell()
    message, _ = cell.send("1")
    cell.done(message)
    cell.status = reliable_message.STATUS_DUP_REQUEST
    cell.send("1")
    assert cell.send("2")[1] == ReturnCode.OK
    cell.status = reliable_message.STATUS_IN_PROCESS
    cell.send("3")
    assert cell.send("4")[1] == ReturnCode.SERVICE_UNAVAILABLE
    monkeypatch.setattr(authenticated_peers, "WAITING_SECONDS", 0)
    assert cell.send("4")[1] == ReturnCode.OK
