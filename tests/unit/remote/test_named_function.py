from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from airflow_provider_dfm.remote.failures import NamedError
from airflow_provider_dfm.remote.named_function import call_function, call_named_function
from airflow_provider_dfm.remote.session_host import answer


def leave():
    sys.exit("enough")


@pytest.mark.parametrize(
    ("end", "said"),
    [(leave, "raised SystemExit: enough"), (lambda: 1 / 0, "raised ZeroDivisionError: division by zero")],
    ids=["exit", "error"],
)
def test_whatever_a_function_ends_by_is_its_own_error(end, said):
    with pytest.raises(NamedError, match=f"The pipeline function end {said}") as caught:
        call_function(end, {}, "pipeline function end", "PipelineError")
    assert caught.value.error_name == "PipelineError"


@pytest.mark.parametrize("text", ["import sys; sys.exit(3)", "def broken(", "import nothing_of_this_name"])
def test_so_is_what_its_module_ends_by(tmp_path, monkeypatch, text):
    (tmp_path / "unimportable.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "unimportable", raising=False)
    with pytest.raises(NamedError, match="Cannot import the pipeline function unimportable:f"):
        call_named_function("unimportable:f", {}, "pipeline function", "PipelineError")


class Outlet:
    """Stands in for the pipe to the parent."""

    answering = SimpleNamespace()

    def __init__(self):
        self.sent = []

    def send(self, **message):
        self.sent.append(message)


def test_a_request_that_would_end_the_host_is_answered_by_an_error():
    outlet = Outlet()
    answer(outlet, SimpleNamespace(leave=leave), {"number": 7, "method": "leave", "arguments": {}})
    assert outlet.sent[0]["number"] == 7
    assert "leave failed in the session host: SystemExit: enough" in outlet.sent[0]["error"]["message"]
