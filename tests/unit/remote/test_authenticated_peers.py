"""Who may give which command to the process of a job at the server; more of it is in ``test_hostile_site.py``."""

from __future__ import annotations

import pytest
from nvflare.apis.fl_constant import CellMessageAuthHeaderKey
from nvflare.fuel.f3.cellnet.defs import MessageHeaderKey, ReturnCode
from nvflare.private.defs import new_cell_message

from airflow_provider_dfm.remote.authenticated_peers import ServerCommandGate


@pytest.mark.parametrize(
    ("command", "origin", "name", "is_obeyed"),
    [
        ("app_command", "server", "server", True),
        # A federation without TLS names nobody.
        ("abort", "server", None, True),
        ("get_task", "seattle.job", "seattle", True),
        ("submit_update", "seattle.job", "seattle", True),
        ("app_command", "seattle.job", "seattle", False),
        ("abort", "seattle.job", "seattle", False),
        ("abort", "seattle.job", None, False),
        # A site sees the server's token, and may send it; but then it has to have the answer go to the server.
        ("app_command", "seattle.job", "server", False),
        ("app_command", "server", "seattle", False),
        ("app_command", "server", "server_job", False),
        ("app_command", "server.job", "server", False),
        (None, None, None, False),
    ],
)
def test_a_site_asks_for_its_tasks_and_gives_no_commands_of_the_servers(command, origin, name, is_obeyed):
    obeyed = []
    gate = ServerCommandGate(lambda request: obeyed.append(request), ["get_task", "submit_update"])
    headers = {
        MessageHeaderKey.TOPIC: command,
        MessageHeaderKey.ORIGIN: origin,
        CellMessageAuthHeaderKey.CLIENT_NAME: name,
    }
    request = new_cell_message(headers, {})
    answer = gate.receive(request)
    assert obeyed == ([request] if is_obeyed else [])
    assert is_obeyed or answer.get_header(MessageHeaderKey.RETURN_CODE) == ReturnCode.AUTHENTICATION_ERROR
