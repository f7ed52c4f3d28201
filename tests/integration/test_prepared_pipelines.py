"""Pipelines that are prepared once, kept, and executed by others; and what is refused when they are prepared."""

from __future__ import annotations

import base64
import datetime
import json
import pickle
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.federation.errors import ConnectionSettingsError, PipelineError, VersionMismatch
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.operators.dfm import DfmPrepareOperator
from tests.dag_runs import run_dag, task_results, task_states
from tests.integration.test_operators import connections, logged  # noqa: F401 - fixtures

pytestmark = [pytest.mark.federation, pytest.mark.airflow]

TRIALS = Path(__file__).parents[1] / "federation"


def open_session(fields, results, **changes):
    return FederationSession(read_settings(fields | changes | {"results_path": str(results)}, "test"))


@pytest.fixture(scope="module")
def local(local_fields, tmp_path_factory):
    with open_session(local_fields(), tmp_path_factory.mktemp("results")) as session:
        yield session


@pytest.fixture
def kept(local):
    """The file of a prepared pipeline."""
    return local.keep_pipeline(local.prepare("trial_pipelines:repeat"))


@pytest.mark.usefixtures("database", "connections")
@pytest.mark.parametrize("way", ["local", "deferred"])
def test_one_task_prepares_and_mapped_ones_execute(way, tmp_path, logged):  # noqa: F811
    run = run_dag(f"prepared_{way}")
    log = logged()
    assert "::group::How DFM prepares the pipeline" in log
    assert "::group::Code of site san_francisco" in log
    assert "call_trial_Repeat" in log
    assert set(task_states(run).values()) == {"success"}
    prepare = next(task for task in run.get_task_instances() if task.task_id == "prepare")
    uri, fingerprint = (prepare.xcom_pull(task_ids="prepare", key=key) for key in ("return_value", "fingerprint"))
    assert uri == f"file://{tmp_path}/results/pipelines/{fingerprint}.json"
    assert prepare.xcom_pull(task_ids="prepare", key="api_version") == "1.0.0"
    reads = [read["results"][0] for read in task_results(run)["read"]]
    assert [(read["value"], read["site"]) for read in reads] == [("aa", "san_francisco"), ("bbb", "san_francisco")]


@pytest.fixture
def away(local_fields, tmp_path, monkeypatch):
    """A connection whose server is not there, nor its startup kit."""
    extra = local_fields(target="flare", startup_kit="/nowhere", results_path=f"file://{tmp_path}/results")
    connection = Connection(conn_id="away", conn_type="dfm", login="a", extra=json.dumps(extra))
    monkeypatch.setenv("AIRFLOW_CONN_AWAY", connection.as_json())


def prepare_away(pipeline, **arguments):
    handed_on = {}
    context = {"ti": SimpleNamespace(xcom_push=lambda key, value: handed_on.update({key: value}))}
    operator = DfmPrepareOperator(task_id="prepare", pipeline=pipeline, dfm_conn_id="away", **arguments)
    return operator.execute(context), handed_on


@pytest.mark.usefixtures("away")
def test_a_task_prepares_without_a_server_and_a_startup_kit(tmp_path, logged):  # noqa: F811
    uri, handed_on = prepare_away("trial_pipelines:repeat", debug=True)
    assert "::group::Code of site seattle" in logged()
    assert uri == f"file://{tmp_path}/results/pipelines/{handed_on['fingerprint']}.json"
    assert prepare_away(uri) == (uri, handed_on), "a file at a URI"
    with pytest.raises(AirflowFailException, match=r"PipelineError: .* runs on the home site 'analyst'"):
        prepare_away("trial_pipelines:echo", pipeline_arguments={"site": "analyst"})


def test_another_session_executes_it_and_does_what_the_pipeline_itself_does(local, kept, local_fields, tmp_path):
    contents = []
    with open_session(local_fields(), tmp_path) as session:
        for pipeline in (str(kept), "trial_pipelines:repeat"):
            job = session.execute(pipeline, {"text": "a", "count": 2})
            assert job.wait_until_finished(timeout=60, poll_interval=0.1)
            assert [result.value for result in job.results()] == ["aa"]
            contents.append(job.get_job_meta().note.content)
    assert contents[0] == contents[1]


def test_the_same_preparation_has_the_same_file(local, kept, local_fields, tmp_path):
    with open_session(local_fields(), tmp_path) as session:
        again = session.prepare("trial_pipelines:repeat")
        assert session.keep_pipeline(again).read_bytes() == kept.read_bytes()
        other = session.prepare("trial_pipelines:repeat", pipeline_arguments={"site": "san_francisco"})
        assert {again.fingerprint, other.fingerprint} == {kept.stem, other.fingerprint}
        # Preparing anew what is prepared changes nothing, and executing it neither.
        assert session.prepare(str(kept)).fingerprint == kept.stem


def test_it_is_refused_for_another_home_site(kept, local_fields, tmp_path):
    with open_session(local_fields(), tmp_path, homesite="seattle") as session:
        with pytest.raises(
            VersionMismatch, match=r"homesite was 'analyst' then and is 'seattle' now.*Prepare it again"
        ):
            session.execute(str(kept), {"text": "a", "count": 2})


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("fed/runtime/analyst/__init__.py", "'1.0.0'", "'1.1.0'", "api_version was '1.0.0' then and is '1.1.0' now"),
        ("fed/api/trial.py", "count: Union[int,", "count: Union[float,", r"trial\.Repeat has other fields than then"),
        (
            "fed/api/trial.py",
            "class Repeat(",
            "class Repeated(",
            r"trial\.Repeat has other fields than then, or is gone",
        ),
    ],
)
def test_it_is_refused_once_the_federations_api_has_changed(kept, local_fields, tmp_path, file, old, new, message):
    shutil.copytree(TRIALS, tmp_path / "changed")
    changed = tmp_path / "changed" / "trials" / file
    text = changed.read_text()
    assert old in text
    changed.write_text(text.replace(old, new))
    with open_session(local_fields(python_path=str(tmp_path / "changed")), tmp_path) as session:
        with pytest.raises(VersionMismatch, match=message):
            session.execute(str(kept), {"text": "a", "count": 2})


@pytest.mark.parametrize(
    "given",
    [
        {"restrict_to_sites": "homesite"},
        {"restrict_to_sites": ["seattle"]},
        {"restrict_to_sites": []},
        {"pipeline_arguments": {"site": "seattle"}},
    ],
)
def test_what_belongs_to_its_preparation_is_refused_where_it_is_executed(local, kept, given):
    for prepared in (local.prepare(str(kept)), str(kept)):
        with pytest.raises(PipelineError, match=r"prepared already|only go with a pipeline function"):
            local.execute(prepared, {"text": "a", "count": 2}, **given)
        # What an operator passes on where nothing was given.
        local.execute(prepared, {"text": "a", "count": 2}, restrict_to_sites=None, pipeline_arguments={}).cancel()


def site_goes(sites):
    del sites["seattle"]


def operation_goes(sites):
    del sites["seattle"]["interface"]["trial.Repeat"]


def operation_goes_to_a_provider(sites):
    moved = {"trial.Repeat": sites["seattle"]["interface"].pop("trial.Repeat")}
    sites["seattle"]["providers"]["another"] = {"interface": moved}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (site_goes, r"federation: the site seattle is gone\. Prepare it again"),
        (operation_goes, r"federation: the site seattle no longer offers trial\.Repeat\. Prepare it again"),
        (operation_goes_to_a_provider, "the site seattle no longer offers trial"),
    ],
)
def test_it_is_refused_once_its_site_or_what_that_offers_is_gone(kept, local_fields, tmp_path, change, message):
    shutil.copytree(TRIALS, tmp_path / "changed")
    file = tmp_path / "changed" / "trials" / "fed" / "runtime" / "fed_info.json"
    info = json.loads(file.read_text())
    change(info["sites"])
    file.write_text(json.dumps(info))
    with open_session(local_fields(python_path=str(tmp_path / "changed")), tmp_path) as session:
        with pytest.raises(VersionMismatch, match=message):
            session.execute(str(kept), {"text": "a", "count": 2})


def test_a_pipeline_with_an_api_version_of_its_own_can_be_kept(local, local_fields, tmp_path):
    prepared = local.prepare("trial_pipelines:versioned", pipeline_arguments={"api_version": "1.0.7"})
    kept = local.keep_pipeline(prepared)
    assert prepared.api_version == "1.0.0"
    with open_session(local_fields(), tmp_path) as session:
        job = session.execute(str(kept), {"value": 1})
        assert job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert [result.value for result in job.results()] == [1]
        content = job.get_job_meta().note.content
    directly = local.execute(prepared, {"value": 1})
    assert directly.get_job_meta().note.content == content


def test_what_another_session_has_prepared_is_refused(local, local_fields, tmp_path):
    prepared = local.prepare("trial_pipelines:echo")
    with open_session(local_fields(), tmp_path) as session:
        for use in (
            lambda: session.execute(prepared, {"value": 1}),
            lambda: session.keep_pipeline(prepared),
            lambda: session.debug_show_code(prepared),
        ):
            with pytest.raises(PipelineError, match=r"in another session, or one that has ended.*keep_pipeline"):
                use()


def test_its_parameter_sets_are_checked_like_the_pipelines_own(local, kept):
    with pytest.raises(Exception, match=r"place 'count' \(Repeat.count at site seattle\)"):
        local.execute(str(kept), {"text": "a", "count": "2"})


@pytest.mark.parametrize("text", ['{"prepared_pipeline": 3}', '{"prepared_pipeline": {"name": "a"}}'])
def test_a_damaged_file_is_refused(local, tmp_path, text):
    (tmp_path / "damaged.json").write_text(text)
    with pytest.raises(PipelineError, match="no prepared pipeline that can be read"):
        local.execute(str(tmp_path / "damaged.json"))


def test_a_truncated_file_is_refused(local, kept, tmp_path):
    (tmp_path / "truncated.json").write_text(kept.read_text()[:-5])
    with pytest.raises(PipelineError, match="not the whole of a prepared pipeline"):
        local.execute(str(tmp_path / "truncated.json"))


def test_without_a_results_path_there_is_no_place_for_it(local_fields):
    with FederationSession(read_settings(local_fields(), "test")) as session:
        with pytest.raises(ConnectionSettingsError, match="results_path"):
            session.keep_pipeline(session.prepare("trial_pipelines:repeat"))


def test_it_holds_no_values_of_parameters_and_no_functions_text(local):
    prepared = local.prepare("trial_pipelines:literals")
    local.execute(prepared, {"value": "of one set"}).cancel()
    text = local.keep_pipeline(prepared).read_text()
    assert "of one set" not in text
    for code in ("def ", "import ", "Yield(", "await "):
        assert code not in text
    assert json.loads(text)["prepared_pipeline"]["parameters"] == {
        "value": [{"operation": "trials.fed.api.trial.Echo", "site": "seattle", "field": "value"}],
    }


def test_literal_arguments_are_in_it_as_json_or_else_as_pickles(local, local_fields, tmp_path):
    kept = local.keep_pipeline(local.prepare("trial_pipelines:literals"))
    (text_kind, text), (day_kind, day) = _literals(json.loads(kept.read_text()))
    assert (text_kind, text) == ("json", "a literal text")
    assert (day_kind, pickle.loads(base64.b64decode(day["value"]))) == ("PickledObject", datetime.date(2010, 1, 1))
    with open_session(local_fields(), tmp_path) as session:
        job = session.execute(str(kept), {"value": 1})
        assert job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert {result.place: result.value for result in job.results()} == {
            "text": "a literal text",
            "day": "2010-01-01",
            "result": 1,
        }


def _literals(plain):
    """The literal arguments of a kept pipeline's operations, in their order."""
    if isinstance(plain, list):
        return [literal for item in plain for literal in _literals(item)]
    if not isinstance(plain, dict):
        return []
    inside = [literal for value in plain.values() for literal in _literals(value)]
    return [*plain.get("literal_params", {}).values(), *inside]


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("loop", r"Statement 2 of the pipeline, ForEach with Yield in it, would be left out"),
        ("literal", r"Statement 3 of the pipeline, a Yield for place .literal., has a value that is no operation's"),
        ("cached", r"Statement 2 of the pipeline, TryFromCache with WriteToCache in it, would be left out"),
        (
            "unnamed_site",
            r"Statement 1 of the pipeline, the operation Echo, names no site, and DFM would pick one of an",
        ),
    ],
)
def test_what_dfm_would_drop_or_choose_without_a_word_is_refused(local, pipeline, message):
    with pytest.raises(PipelineError, match=message):
        local.prepare(f"trial_pipelines:{pipeline}")


def test_a_literal_is_yielded_where_one_site_is_left_and_has_an_operation(local_fields, tmp_path):
    with open_session(local_fields(homesite="seattle"), tmp_path) as session:
        job = session.execute(session.prepare("trial_pipelines:literal", restrict_to_sites="homesite"), {})
        assert job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert {result.place: result.value for result in job.results()} == {"echo": 1, "literal": "one"}
        with pytest.raises(PipelineError, match=r"DFM leaves out 1 of the 1 Yield statements for place .literal."):
            session.prepare("trial_pipelines:literal_alone", restrict_to_sites="homesite")


def test_a_site_that_only_one_can_be_need_not_be_named(local, local_fields, tmp_path):
    with open_session(local_fields(homesite="seattle"), tmp_path) as session:
        assert session.prepare("trial_pipelines:unnamed_site", restrict_to_sites="homesite").sites == ("seattle",)
    some = {"candidates": ["seattle", "san_francisco"]}
    assert set(local.prepare("trial_pipelines:unnamed_site", pipeline_arguments=some).sites) < {*some["candidates"]}


@pytest.fixture(scope="module")
def on_flare(local_fields, tmp_path_factory):
    """A session for the target flare that logs in nowhere: there is no such kit."""
    fields = local_fields(target="flare", user="nobody", startup_kit="/no/such/kit")
    settings = read_settings(fields | {"results_path": str(tmp_path_factory.mktemp("results"))}, "test")
    with FederationSession(settings, log_in=False) as session:
        yield session


@pytest.mark.parametrize("session", ["local", "on_flare"])
def test_the_one_site_that_can_do_it_is_the_one(session, request):
    session = request.getfixturevalue(session)
    assert session.prepare("trial_pipelines:one_site_can").sites == ("seattle",)
    assert session.prepare("trial_pipelines:unnamed_site", restrict_to_sites=["seattle"]).sites == ("seattle",)
    with pytest.raises(PipelineError, match=r"operation Spell, names no site, and none .* offers it, san_francisco"):
        session.prepare("trial_pipelines:one_site_can", restrict_to_sites=["san_francisco"])


def test_with_the_target_flare_the_home_site_is_no_candidate(on_flare):
    homesite = {"candidates": ["analyst", "seattle"]}
    assert on_flare.prepare("trial_pipelines:unnamed_site", pipeline_arguments=homesite).sites == ("seattle",)
    assert on_flare.prepare_discovery("trial_pipelines:open_discovery").sites == ("san_francisco", "seattle", "server")
    for only in ("homesite", ["analyst"]):
        with pytest.raises(PipelineError, match=r"the home site 'analyst' alone.*Restrict it to other sites"):
            on_flare.prepare("trial_pipelines:unnamed_site", restrict_to_sites=only)


@pytest.mark.parametrize("session", ["local", "on_flare"])
def test_the_advice_for_an_open_site_can_be_followed(session, request):
    session = request.getfixturevalue(session)
    with pytest.raises(PipelineError, match=r"DFM would pick one of .* without a word") as refused:
        session.prepare("trial_pipelines:unnamed_site")
    advice = re.search(r"restrict_to_sites=\['(\w+)'\]", str(refused.value))
    assert session.prepare("trial_pipelines:unnamed_site", restrict_to_sites=[advice[1]]).sites == (advice[1],)


def test_no_advice_for_the_target_flare_names_the_home_site(on_flare):
    with pytest.raises(PipelineError) as refused:
        on_flare.prepare("trial_pipelines:literal")
    assert str(refused.value).endswith("Yield an operation's result.")


@pytest.mark.parametrize("session", ["local", "on_flare"])
def test_an_empty_pipeline_is_refused_when_it_is_prepared(session, request):
    with pytest.raises(PipelineError, match=r"The pipeline 'empty' is empty: no site would have anything to do"):
        request.getfixturevalue(session).prepare("trial_pipelines:empty")


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        (["san_francisco"], "DFM cannot prepare the pipeline"),
        ("homesite", "DFM cannot prepare the pipeline"),
        (["boston"], "restrict_to_sites names boston, but the federation has analyst"),
        ([], "restrict_to_sites is an empty list, which allows no site"),
        ("seattle", "restrict_to_sites is the text 'seattle'"),
    ],
)
def test_a_pipeline_that_needs_other_sites_is_refused(local, sites, message):
    with pytest.raises(PipelineError, match=message):
        local.prepare("trial_pipelines:repeat", restrict_to_sites=sites)
