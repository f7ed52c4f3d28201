"""Parameter sets that are sent to a pipeline which runs already, by any number of sessions."""

from __future__ import annotations

import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from airflow.sdk import Connection

from airflow_provider_dfm.federation.errors import (
    FederationUnreachable,
    JobContentConflict,
    JobFailed,
    JobNotFound,
    JobNotRunning,
    ParameterSetError,
    PipelineError,
)
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.hooks.dfm import DfmHook
from airflow_provider_dfm.operators import dfm_send
from airflow_provider_dfm.operators.dfm import DfmSendParamsOperator
from tests.unit.hooks.test_task_identity import Store
from tests.unit.operators.test_dfm_send import of_task

pytestmark = pytest.mark.federation


@pytest.fixture(params=["flare", "local"])
def settings(request, tmp_path, local_fields):
    made = local_fields() if request.param == "local" else request.getfixturevalue("fields")(federation="trials")
    return read_settings(made | {"results_path": str(tmp_path / "results")}, "test")


@pytest.fixture
def flare_settings(fields, tmp_path):
    return read_settings(fields(federation="trials", results_path=str(tmp_path / "results")), "test")


def _values(results):
    return [(result.parameter_set, result.place, result.value) for result in results]


def test_a_pipeline_takes_sets_while_it_runs_and_ends_when_it_is_stopped(settings):
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:echo_both", None, autostop=False)
        first = [{"value": "{abc}"}, {"value": "{$HOME}"}]
        assert job.send_input_params(first, key="first") == [0, 1]
        assert job.send_input_params(first, key="first") == [0, 1]
        with pytest.raises(JobContentConflict, match="under the same key"):
            job.send_input_params({"value": 1}, key="first")
        with pytest.raises(ParameterSetError, match=r"missing \['value'\]"):
            job.send_input_params({"valeu": 1})
        live = job.follow_results(poll_interval=0.2, timeout=120)
        came = list(itertools.islice(live, 4))
        assert not job.get_status().has_ended

        # More of them than the sites take at once.
        assert job.send_input_params([{"value": number} for number in range(300)]) == list(range(2, 302))
        job.send_stop_frame(key="end")
        job.send_stop_frame()
        with pytest.raises(JobNotRunning, match="was stopped"):
            job.send_input_params({"value": 1})

        came += live
        assert len(job.results()) == len(came) == 2 * 302
        given = [*(one["value"] for one in first), *range(300)]
        both = [(number, place, value) for number, value in enumerate(given) for place in ("san_francisco", "seattle")]
        assert _values(came) == _values(job.results()) == both

        # Whoever lost a reply asks again, after the end too.
        assert job.send_input_params(first, key="first") == [0, 1]
        job.send_stop_frame(key="end")
        with pytest.raises(JobNotRunning, match="FINISHED:COMPLETED"):
            job.send_input_params({"value": 1})
    with FederationSession(settings) as another, pytest.raises(JobNotRunning):
        another.send_input_params(job.job_id, {"value": 1})


def test_many_sessions_send_at_once_and_a_lost_reply_is_asked_for_again(flare_settings, monkeypatch):
    def send(number):
        with FederationSession(flare_settings) as session:
            return {
                index: f"{number}.{n}"
                for n in range(3)
                for index in session.send_input_params(job.job_id, [{"value": f"{number}.{n}"}] * 2)
            }

    with FederationSession(flare_settings) as session:
        job = session.execute("trial_pipelines:echo", {"value": "submitted"}, autostop=False)
        with ThreadPoolExecutor() as senders:
            answers = list(senders.map(send, range(4)))
        sent = {0: "submitted"} | {index: value for answer in answers for index, value in answer.items()}
        assert sorted(sent) == list(range(25))

        with FederationSession(flare_settings) as dying:
            ask = dying._session.ask

            # The one part that is not real: it dies just when the controller has answered.
            def ask_and_die(method, *args, **arguments):
                answer = ask(method, *args, **arguments)
                if method == "send_input_params":
                    dying._session._host.end()
                    raise FederationUnreachable("The session host ended.")
                return answer

            monkeypatch.setattr(dying._session, "ask", ask_and_die)
            with pytest.raises(FederationUnreachable):
                dying.send_input_params(job.job_id, {"value": "lost"}, key="lost")
        assert session.send_input_params(job.job_id, {"value": "lost"}, key="lost") == [25]
        job.send_stop_frame()
        assert job.wait_until_finished(timeout=120)
        assert {result.parameter_set: result.value for result in job.results()} == sent | {25: "lost"}


def test_a_task_waits_for_a_queued_pipeline_and_sends_once_over_its_tries(fields, tmp_path, monkeypatch, capsys):
    made = fields(federation="trials", results_path=f"file://{tmp_path}/results")
    connection = Connection(conn_id="sends", conn_type="dfm", login=made.pop("user"), extra=json.dumps(made))
    monkeypatch.setenv("AIRFLOW_CONN_SENDS", connection.as_json())
    with DfmHook("sends") as hook:
        # A log-in of the task's own would take longer than the job is queued.
        monkeypatch.setattr(dfm_send, "DfmHook", lambda dfm_conn_id: hook)
        job = hook.execute("trial_pipelines:spell", None, autostop=False)
        # As a template gives it; what has a default is left out.
        sets = {"text": "12", "limit": "1"}
        options = {"input_params": sets, "stop": True, "deferrable": False, "dfm_conn_id": "sends"}
        store = Store()
        for _ in range(2):
            operator = DfmSendParamsOperator(task_id="send", job_id=job.job_id, poll_interval=0.5, **options)
            assert operator.execute(of_task(store)) == job.job_id
        assert "is SUBMITTED: waiting up to 3600 s" in capsys.readouterr().out
        assert job.wait_until_finished(timeout=120)
        assert _values(job.results()) == [(0, "result", "1")]


def test_what_takes_no_sets_says_so(flare_settings, local_fields):
    with FederationSession(flare_settings) as session:
        closed = session.execute("trial_pipelines:sleep", {"seconds": 60})
        with pytest.raises(PipelineError, match="autostop=False"):
            closed.send_input_params({"seconds": 1})
        closed.cancel()
        with pytest.raises(JobNotFound):
            session.send_input_params(str(uuid.uuid4()), {"value": 1})
        with pytest.raises(ParameterSetError, match="autostop=False"):
            session.execute("trial_pipelines:echo", None)

        aborted = session.execute("trial_pipelines:echo", {"value": 1}, autostop=False)
        assert aborted.send_input_params({"value": 2}) == [1]
        aborted.cancel()
        assert aborted.wait_until_finished(timeout=60)
        with pytest.raises(JobNotRunning, match="ABORTED"):
            aborted.send_input_params({"value": 3})
        with pytest.raises(JobNotRunning, match="ABORTED"):
            aborted.send_stop_frame()
        with pytest.raises(JobFailed, match="2 parameter sets"):
            list(aborted.results())

    local = read_settings(local_fields(), "test")
    with FederationSession(local) as session, FederationSession(local) as another:
        job = session.execute("trial_pipelines:echo", None, autostop=False)
        with pytest.raises(JobNotFound, match="lives in the session that started it"):
            another.send_input_params(job.job_id, {"value": 1})


def test_an_open_pipeline_fails_with_the_set_that_failed(settings):
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:fail", {"message": ""}, autostop=False)
        assert job.send_input_params([{"message": "no data here"}, {"message": ""}]) == [1, 2]
        job.send_stop_frame()
        assert job.wait_until_finished(timeout=120)
        with pytest.raises(JobFailed, match="parameter set 1, site seattle: RuntimeError: no data here"):
            list(job.results())
        assert [result.parameter_set for result in job.results().partial()] == [0, 2]
