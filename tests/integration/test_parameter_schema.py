"""What is known of a pipeline's parameters and of a federation's operations, before anything is submitted."""

from __future__ import annotations

import datetime
import json
import subprocess

import pendulum
import pytest
from airflow.sdk import DAG, Connection
from pydantic import ValidationError

from airflow_provider_dfm.federation.errors import ConnectionSettingsError, FederationError, ParameterSetError
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from airflow_provider_dfm.parameters import main
from airflow_provider_dfm.params import dfm_params
from demo.demonstration import ROOT
from tests.dag_runs import run_dag, task_results, task_states
from tests.integration.test_operators import connections, logged  # noqa: F401 - fixtures

pytestmark = pytest.mark.federation

DESCRIBE = "trial_pipelines:describe"
SPELL = "trial_pipelines:spell"
SET = {"day": "2010-01-01", "moment": "2010-01-01T12:00:00Z", "unit": "celsius", "label": None, "times": 1, "note": "a"}


@pytest.fixture(scope="module", params=["local", "flare"])
def session(request, tmp_path_factory, local_fields):
    settings = local_fields()
    if request.param == "flare":
        settings = request.getfixturevalue("fields")(federation="trials")
    settings["results_path"] = str(tmp_path_factory.mktemp("results"))
    with FederationSession(read_settings(settings, "test")) as session:
        yield session


@pytest.fixture(scope="module")
def nobody(local_fields, tmp_path_factory):
    """A session for the target flare that logs in nowhere: there is no such kit and no such user."""
    results = str(tmp_path_factory.mktemp("results"))
    changes = {"target": "flare", "user": "nobody", "startup_kit": "/no/such/kit", "results_path": results}
    with FederationSession(read_settings(local_fields(**changes), "test"), log_in=False) as session:
        yield session


def test_the_schema_says_what_each_place_takes_and_who_takes_it(nobody):
    schema = nobody.prepare(DESCRIBE).parameter_schema
    assert schema["required"] == sorted(SET.keys() - {"note"})
    assert schema["properties"] == {
        "day": {
            "type": "string",
            "format": "date",
            "title": "Day",
            "description": "A day (Describe.day at site seattle).",
        },
        "moment": {
            "type": "string",
            "format": "date-time",
            "title": "Moment",
            "description": "A moment (Describe.moment at site seattle).",
        },
        "unit": {
            "type": "string",
            "enum": ["celsius", "fahrenheit"],
            "title": "Unit",
            "description": "How temperatures are given (Describe.unit at site seattle).",
        },
        "label": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "title": "Label",
            "description": "What to call it (Describe.label at site seattle).",
        },
        "times": {
            "type": "integer",
            "minimum": 1,
            "title": "Times",
            "description": "How often (Describe.times at site seattle).",
        },
        "note": {
            "anyOf": [{"type": "string"}, {"type": "null"}],
            "default": None,
            "title": "Note",
            "description": "Not required (Describe.note at site seattle).",
        },
    }


def test_several_operations_may_take_one_place(nobody):
    places = nobody.prepare("trial_pipelines:shared_place").parameter_schema["properties"]
    takers = "Echo.value at site seattle, Large.size at site seattle, Sleep.seconds at site san_francisco"
    assert places["number"] == {
        "allOf": [{"type": "integer"}, {"type": "number"}],
        "title": "Number",
        "description": f"Any value; Its length; How long ({takers}).",
    }
    # Echo takes anything.
    assert nobody.prepare("trial_pipelines:echo").parameter_schema["properties"]["value"].keys() == {
        "title",
        "description",
    }


def test_the_schema_is_kept_beside_the_pipeline_and_in_it(nobody):
    prepared = nobody.prepare(DESCRIBE)
    kept = nobody.keep_pipeline(prepared)
    beside = kept.with_name(f"{prepared.fingerprint}.parameters.json")
    assert json.loads(beside.read_text()) == prepared.parameter_schema
    assert nobody.prepare(str(kept)).parameter_schema == prepared.parameter_schema


def test_sets_of_the_model_and_dates_in_all_forms_arrive_in_iso_8601(session):
    model = session.prepare(DESCRIBE).parameter_set_model()
    with pytest.raises(ValidationError, match="unit"):
        model(**SET | {"unit": "kelvin"})
    berlin = pendulum.datetime(2010, 1, 2, tz="Europe/Berlin")
    job = session.execute(
        DESCRIBE,
        [
            # note has a default, which DFM itself would not fill in.
            model(day=datetime.date(2010, 1, 1), moment=berlin, unit="celsius", label=None, times=2),
            SET | {"day": berlin, "moment": datetime.datetime(2010, 1, 1)},
            SET | {"day": "2010-01-01 00:00:00+00:00", "moment": datetime.date(2010, 1, 1)},
        ],
    )
    assert job.wait_until_finished(timeout=120, poll_interval=0.5)
    values = [result.value for result in job.results()]
    assert values[0] == SET | {"moment": "2010-01-02T00:00:00+01:00", "times": 2, "note": None}
    assert [(value["day"], value["moment"]) for value in values[1:]] == [
        ("2010-01-02", "2010-01-01T00:00:00+00:00"),
        ("2010-01-01", "2010-01-01T00:00:00+00:00"),
    ]


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("day", "2010-01-01T12:00:00Z", "the time of day of '2010-01-01T12:00:00Z' would be lost"),
        ("moment", "1262304000", "no date or time in ISO 8601"),
        ("unit", "kelvin", "Input should be 'celsius' or 'fahrenheit'"),
        ("label", 1, "Input should be a valid string"),
        ("times", 0, "greater than or equal to 1"),
        ("times", None, "valid integer"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_set_place_operation_and_site(session, place, value, message):
    where = rf"Parameter set 1, place '{place}' \(Describe\.{place} at site seattle\): .*"
    with pytest.raises(ParameterSetError, match=where + message):
        session.execute(DESCRIBE, [SET, SET | {place: value}])


def test_what_has_a_default_may_be_left_out_or_be_that_default(session):
    """The site exposes two: DFM's generator makes ``Union[str, ...] = None`` and ``Union[int, ...] = None`` of them."""
    pipeline = session.prepare(SPELL)
    ways = [{"text": "abc"}, {"text": "abc", "separator": None, "limit": None}]
    given = {"text": "abc", "separator": "+", "limit": 2}
    job = session.execute(pipeline, [*ways, given, {"text": "abc", "limit": 1}])
    assert job.wait_until_finished(timeout=120, poll_interval=0.5)
    assert [result.value for result in job.results()] == ["a-b-c", "a-b-c", "a+b", "a"]
    # A retry that says what an earlier try left out finds its job.
    contents = [
        session.ask("pipeline_content", reference=pipeline.reference, input_params=[one], autostop=True) for one in ways
    ]
    assert contents[0] == contents[1]
    with pytest.raises(ParameterSetError, match=r"missing \['text'\].*may be left out: \['limit', 'separator'\]"):
        session.execute(pipeline, {"limit": 1})
    with pytest.raises(ParameterSetError, match=r"Spell\.limit at site seattle.*not str '4'.*dag\.param\('limit'\)"):
        session.execute(pipeline, given | {"limit": "4"})


def test_the_schema_takes_a_default_that_the_fields_type_does_not(nobody):
    pipeline = nobody.prepare(SPELL)
    schema = pipeline.parameter_schema
    assert schema["required"] == ["text"]
    assert schema["properties"]["limit"] == {
        "anyOf": [{"type": "integer"}, {"type": "null"}],
        "default": None,
        "title": "Limit",
        "description": "How many letters (Spell.limit at site seattle).",
    }
    # The general operation has it, and its description.
    assert schema["properties"]["text"]["description"] == "A text (Spell.text at site seattle)."
    model = pipeline.parameter_set_model()
    assert model(text="a").model_dump() == model(text="a", limit=None, separator=None).model_dump()
    with DAG(
        "spelled", schedule="@daily", start_date=pendulum.datetime(2010, 1, 1), params=dfm_params(schema, text="a")
    ):
        # As a DAG with a schedule is checked when its file is read.
        pass


def test_what_is_sent_later_may_leave_out_what_has_a_default(local_fields, tmp_path):
    with FederationSession(read_settings(local_fields(results_path=str(tmp_path)), "test")) as session:
        job = session.execute(SPELL, None, autostop=False)
        assert job.send_input_params([{"text": "ab"}, {"text": "ab", "separator": None}]) == [0, 1]
        assert session.job_parameter_schema(job.job_id) == session.prepare(SPELL).parameter_schema
        job.send_stop_frame()
        assert job.wait_until_finished(timeout=60, poll_interval=0.2)
        assert [result.value for result in job.results()] == ["a-b", "a-b"]


def test_a_pipeline_that_dfm_saved_with_such_a_default_is_read(nobody, local_fields):
    saved = subprocess.run(
        [
            local_fields()["python"],
            "-c",
            "import trial_pipelines; print(trial_pipelines.spell_saved().model_dump_json())",
        ],
        env={"PYTHONPATH": local_fields()["python_path"]},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert '"separator":null' in saved
    assert nobody.prepare(saved).parameters == ("text",)


@pytest.mark.parametrize("value", [1.5, True, "a"])
def test_all_operations_that_take_a_place_have_to_accept_its_value(session, value):
    with pytest.raises(ParameterSetError, match=r"place 'number' \((Large\.size|Sleep\.seconds) at site"):
        session.execute("trial_pipelines:shared_place", {"number": value})


def test_what_is_a_date_to_one_operation_and_a_datetime_to_another_is_a_date(local_fields, tmp_path):
    settings = read_settings(local_fields(results_path=str(tmp_path)), "test")
    with FederationSession(settings) as session:
        forms = ("2010-01-01", "2010-01-01 00:00:00+00:00", datetime.date(2010, 1, 1))
        job = session.execute("trial_pipelines:shared_date", [{"at": form, "unit": "celsius"} for form in forms])
        assert job.wait_until_finished(timeout=60, poll_interval=0.2)
        values = [(result.value["day"], result.value["moment"]) for result in job.results()]
        assert values == [("2010-01-01", "2010-01-01")] * 3
        with pytest.raises(ParameterSetError, match="would be lost"):
            session.execute("trial_pipelines:shared_date", {"at": "2010-01-01T12:00:00", "unit": "celsius"})


def test_the_federations_api_is_known_without_a_log_in(nobody):
    api = nobody.describe_federation()
    assert (api.federation, api.homesite, api.api_version) == ("trials", "analyst", "1.0.0")
    assert api.sites["analyst"] == ("trial.Echo",)
    assert api.sites["server"] == ("trial.Echo", "trial.Give")
    assert {"trial.Echo", "trial.Describe"} < set(api.sites["seattle"])
    describe = api.operations["trial.Describe"]
    assert (describe.path, describe.returns) == ("trials.fed.api.trial.Describe", "dict")
    assert describe.description == "Returns what it was called with"
    parameters = {parameter.name: parameter for parameter in describe.parameters}
    assert list(parameters) == ["day", "moment", "unit", "label", "times", "note"]
    assert [name for name in parameters if not parameters[name].required] == ["note"]
    assert parameters["note"].json_schema["default"] is None
    assert parameters["times"].description == "How often"
    assert parameters["day"].json_schema == {"type": "string", "format": "date"}
    with pytest.raises(FederationError, match="nobody logged in"):
        nobody.get_system_info()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"federation": "", "homesite": "", "target": "flare", "user": "a", "startup_kit": "/b"},
            "There is no API to describe",
        ),
        ({"federation": "no_such"}, "there is no federation package 'no_such'"),
        ({"homesite": "boston"}, "has no site 'boston'"),
    ],
)
def test_without_the_package_there_is_no_api(local_fields, changes, message):
    settings = read_settings(local_fields(**changes), "test")
    with pytest.raises(ConnectionSettingsError, match=message):
        with FederationSession(settings, log_in=False) as session:
            session.describe_federation()


def test_a_package_that_is_not_whole_is_named(local_fields, tmp_path):
    package = tmp_path / "broken" / "fed" / "runtime"
    (package / "home").mkdir(parents=True)
    (package / "home" / "__init__.py").write_text("API_VERSION = '1.0.0'")
    site = {"interface": {"trial.Gone": {}}, "providers": {}}
    (package / "fed_info.json").write_text(json.dumps({"sites": {"home": site}}))
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    fields = local_fields(python_path=str(tmp_path), federation="broken", homesite="home")
    with FederationSession(read_settings(fields, "test"), log_in=False) as session:
        with pytest.raises(ConnectionSettingsError, match=r"generated code of the federation 'broken' is not whole"):
            session.describe_federation()


@pytest.fixture
def weather_connection(local_fields, monkeypatch):
    made = local_fields(federation="weather", target="flare", startup_kit="/no/such/kit")
    connection = Connection(conn_id="weather", conn_type="dfm", login="nobody", extra=json.dumps(made))
    monkeypatch.setenv("AIRFLOW_CONN_WEATHER", connection.as_json())
    # The command sets it for its own process.
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")


def test_the_example_dags_kept_schema_is_what_the_federation_says_today(weather_connection, tmp_path):
    """If it is not, the comment in dags/weather_comparison_on_trigger.py has the command that makes it anew."""
    made, kept = tmp_path / "made.json", ROOT / "dags" / "weather_comparison.parameters.json"
    assert main(["--conn-id", "weather", "pipelines:compare", str(made)]) == 0
    assert made.read_bytes() == kept.read_bytes()


def test_the_command_takes_arguments_and_says_what_is_wrong(weather_connection, tmp_path, capsys):
    file = tmp_path / "statistics.json"
    arguments = ["--conn-id", "weather", "--arguments", '{"site": "san_francisco"}', "pipelines:statistics", str(file)]
    assert main(arguments) == 0
    start = json.loads(file.read_text())["properties"]["start"]
    assert start["description"] == "The first day (Statistics.start at site san_francisco)."
    before = file.read_bytes()
    assert main(["--conn-id", "weather", "pipelines:nothing", str(file)]) == 1
    assert "has no attribute 'nothing'" in capsys.readouterr().err
    assert file.read_bytes() == before


@pytest.mark.airflow
@pytest.mark.usefixtures("database", "connections")
@pytest.mark.parametrize("way", ["text", "native"])
def test_dates_rendered_by_jinja_arrive_in_iso_8601(way):
    run = run_dag(f"dates_{way}")
    assert set(task_states(run).values()) == {"success"}
    results = task_results(run)
    for read in (results["read"], results["read_mapped"][0]):
        value = read["results"][0]["value"]
        assert (value["day"], value["moment"]) == ("2010-01-01", "2010-01-01T00:00:00+00:00")
        assert value["label"] == "2010-01-01"


@pytest.mark.airflow
@pytest.mark.usefixtures("database", "connections")
def test_what_a_template_renders_becomes_the_value_that_it_is_the_text_of(logged):  # noqa: F811
    run = run_dag("typed")
    assert {task for task, state in task_states(run).items() if state == "failed"} == {"unclear"}
    results = task_results(run)
    reads = [results["read_values"], results["read_whole"], results["read_mapped"][0]]
    # A place that takes text keeps it, also where it is the text of a number.
    assert [[row["value"] for row in read["results"]] for read in reads] == [["1-2", "1+2"], ["1+2"], ["1-2"]]
    assert "place 'separator': a template gave the text 'None'. The pipeline takes that as text" in logged()
