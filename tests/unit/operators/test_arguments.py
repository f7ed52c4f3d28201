"""How arguments are taken beyond the table's cells: mapped tasks, the decorator, and what Airflow makes of values."""

from __future__ import annotations

import datetime
import pathlib
from types import SimpleNamespace

import pendulum
import pytest
from airflow.sdk import DAG, BaseOperator, Param, task
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.serialization.serialized_objects import DagSerialization

from airflow_provider_dfm.operators.arguments import ArgumentError, read_arguments
from airflow_provider_dfm.operators.dfm import DfmDiscoverOperator, DfmExecuteOperator, DfmResultsOperator
from airflow_provider_dfm.operators.flare import FlareAbortJobOperator, FlareSubmitJobOperator
from airflow_provider_dfm.sensors.federation import FederationReadySensor
from airflow_provider_dfm.sensors.job import FederationJobSensor
from airflow_provider_dfm.triggers.federation import FederationReadyTrigger
from airflow_provider_dfm.triggers.job import FederationJobTrigger
from tests.unit.operators.argument_table import LITERAL, PARAM
from tests.unit.operators.test_argument_table import run_context

JOB = "2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd"
MISSPELT = [
    (DfmExecuteOperator, {"pipeline": "a:b"}, "on_timeout", "Abort", "abort or leave"),
    (DfmExecuteOperator, {"pipeline": "a:b"}, "on_partial_failure", "success", "fail or succeed"),
    (DfmExecuteOperator, {"pipeline": "a:b"}, "on_no_sets", "ignore", "skip, fail or succeed"),
    (DfmDiscoverOperator, {"pipeline": "a:b"}, "on_error", "ignore", "fail or list"),
    (DfmResultsOperator, {"job_id": JOB}, "output", "set", "results or sets"),
    (FederationJobSensor, {"job_id": JOB}, "on_partial_failure", "Succeed", "fail or succeed"),
    (FlareAbortJobOperator, {"job_id": JOB}, "timeout", "300", "seconds, more than 0"),
]


def dag(**options):
    return DAG("d", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC"), **options)


@pytest.mark.parametrize(("kind", "rest", "name", "value", "wanted"), MISSPELT)
@pytest.mark.parametrize("mapped", [False, True])
def test_a_misspelt_choice_is_an_error_of_the_dag_file_mapped_or_not(kind, rest, name, value, wanted, mapped):
    given = {"task_id": "run", name: value, **rest}
    expected = rf"{kind.__name__} 'run': {name} is '{value}': give {wanted}"
    with dag(), pytest.raises(ValueError, match=expected):
        kind.partial(**given).expand(retries=[1, 2]) if mapped else kind(**given)


def test_so_is_one_among_the_default_args_of_a_mapped_task():
    with dag(default_args={"on_timeout": "Abort"}), pytest.raises(ArgumentError, match="on_timeout is 'Abort'"):
        DfmExecuteOperator.partial(task_id="run", pipeline="a:b").expand(input_params=[{}])


def test_so_is_one_of_the_decorator_before_its_function_is_called():
    with pytest.raises(ArgumentError, match=r"^@task\.dfm_pipeline: on_timeout is 'Abort': give abort or leave"):
        task.dfm_pipeline(on_timeout="Abort")


def test_a_mapped_task_with_templates_is_taken_and_serialized():
    with dag() as made:
        DfmExecuteOperator.partial(
            task_id="run",
            pipeline="a:b",
            timeout="{{ params.timeout }}",
            poll_interval=datetime.timedelta(seconds=1),
            options={"task_timeout_s": "{{ params.limit }}"},
        ).expand(input_params=[{}, {}])
        DfmExecuteOperator(task_id="one", pipeline="a:b", timeout=datetime.timedelta(hours=1), sites={"b", "a"})
    assert set(DagSerialization.from_dict(DagSerialization.to_dict(made)).task_dict) == {"run", "one"}
    assert made.task_dict["one"].timeout == 3600.0


def test_a_mistake_that_is_known_in_a_mapped_task_only_fails_it_without_a_retry():
    with dag():
        mapped = DfmExecuteOperator.partial(task_id="run", pipeline="a:b").expand(timeout=[0])
    with pytest.raises(AirflowFailException, match="DfmExecuteOperator 'run': timeout is 0"):
        mapped.render_template_fields(run_context(mapped, None, LITERAL))


def test_a_param_that_is_not_named_is_refused_and_says_how_to_name_it():
    with pytest.raises(ArgumentError, match=r'timeout is .*Param.*dag\.param\("\.\.\."\)'):
        DfmExecuteOperator(task_id="run", pipeline="a:b", timeout=Param(5))
    with pytest.raises(ArgumentError, match="meta is "):
        FlareSubmitJobOperator(task_id="run", job_definition_path="a:b", meta={"name": [Param("a")]})


def test_another_tasks_xcom_inside_of_an_argument_makes_it_upstream():
    with dag() as made:
        first = BaseOperator(task_id="first")
        FlareSubmitJobOperator(
            task_id="run",
            job_definition_path="a:b",
            timeout=first.output,
            meta={"custom_props": {"of": made.param("of", "x"), "sites": [first.output]}},
        )
    assert made.task_dict["run"].upstream_task_ids == {"first"}


def test_a_dag_with_other_marks_of_templates_has_them_rendered():
    with dag(jinja_environment_kwargs={"variable_start_string": "[[", "variable_end_string": "]]"}):
        made = DfmExecuteOperator(task_id="run", pipeline="a:b", on_timeout="[[ given ]]", timeout="[[ 60 * 60 ]]")
    made.render_template_fields({"given": "leave"})
    read_arguments(made)
    assert (made.on_timeout, made.timeout) == ("leave", 3600.0)


def test_so_has_one_whose_tasks_are_made_before_it():
    marks = {"variable_start_string": "<%", "variable_end_string": "%>"}
    made = DfmExecuteOperator(task_id="run", pipeline="a:b", on_timeout="<% given %>")
    decorator = task.dfm_pipeline(on_timeout="<% given %>", poll_interval="<% 2 %>")
    with dag(jinja_environment_kwargs=marks) as later:
        later.add_task(made)

        @decorator
        def build():
            """Stands for a pipeline function."""

        build()
    for name in ("run", "build"):
        later.task_dict[name].render_template_fields({"given": "leave"})
        read_arguments(later.task_dict[name])
        assert later.task_dict[name].on_timeout == "leave"


def test_a_trigger_is_handed_what_was_rendered():
    given = {"pattern": "{{ not rendered any more }}"}
    assert FederationJobTrigger("weather", JOB, callback_kwargs=given).callback_kwargs == given
    with pytest.raises(ArgumentError, match=r"FederationJobTrigger: job_id is '\{\{ job \}\}'"):
        FederationJobTrigger("weather", "{{ job }}")


def test_a_function_that_gives_an_argument_is_called_by_airflow_and_another_is_refused():
    with dag():
        made = DfmExecuteOperator(task_id="run", pipeline=lambda context, jinja_env: context["given"])
    made.render_template_fields({"given": "pipelines:compare"})
    read_arguments(made)
    assert made.pipeline == "pipelines:compare"

    def compare(site):
        """Stands for a pipeline function, which has to be named."""

    with pytest.raises(ArgumentError, match=r'pipeline is <function .*"package\.module:function"'):
        DfmExecuteOperator(task_id="run", pipeline=compare)


def test_a_path_is_rendered():
    with dag():
        made = FlareSubmitJobOperator(task_id="run", job_definition_path=pathlib.Path("/jobs/{{ given }}"))
    made.render_template_fields({"given": "train"})
    assert made.job_definition_path == "/jobs/train"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pipeline_arguments", {"text": "{{ secret }}"}),
        ("sites", ["{{ secret }}"]),
        ("restrict_to_sites", ("{{ secret }}",)),
    ],
)
def test_what_another_task_gave_a_mapped_one_is_not_rendered(name, value):
    with dag():
        first = BaseOperator(task_id="first")
        mapped = DfmExecuteOperator.partial(task_id="run", pipeline="a:b").expand(**{name: first.output})
    context = run_context(mapped, [value], LITERAL) | {"secret": "rendered"}
    context["ti"]._upstream_map_indexes = {}
    mapped.render_template_fields(context)
    assert getattr(context["task"], name) == value


def test_sites_that_a_template_gave_as_a_list_are_waited_for_one_by_one():
    with dag():
        sensor = FederationReadySensor(task_id="ready", sites="{{ given }}", min_sites="{{ 2 }}", deferrable=True)
    sensor.render_template_fields({"given": ["a", "b"]})
    assert sensor.sites == "['a', 'b']"
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute({})
    assert (deferred.value.trigger.sites, deferred.value.trigger.min_sites) == (["a", "b"], 2)


def test_a_site_that_a_template_does_not_give_is_no_site_of_the_name_none():
    with dag():
        sensor = FederationReadySensor(task_id="ready", sites=["a", "{{ given }}"], dfm_conn_id="broken")
    sensor.render_template_fields({"given": None})
    with pytest.raises(ArgumentError, match=r"FederationReadySensor 'ready': sites is \['a', 'None'\]: give a list"):
        sensor.execute({})


def test_triggers_take_what_operators_take():
    day = datetime.datetime(2010, 1, 1, tzinfo=datetime.timezone.utc)
    job = FederationJobTrigger("weather", JOB, poll_interval=datetime.timedelta(seconds=2), ends_at=day)
    assert (job.serialize()[1]["poll_interval"], job.serialize()[1]["ends_at"]) == (2.0, day.timestamp())
    assert FederationReadyTrigger("weather", sites="a, b").serialize()[1]["sites"] == ["a", "b"]
    with pytest.raises(ArgumentError, match="FederationReadyTrigger: poll_interval is '30'"):
        FederationReadyTrigger("weather", poll_interval="30")


def test_a_sensor_refuses_what_airflow_would_wait_by():
    for wrong in (0, float("nan"), float("inf"), True, "10"):
        with pytest.raises(ArgumentError, match=r"FederationReadySensor 'ready': poke_interval is "):
            FederationReadySensor(task_id="ready", poke_interval=wrong)
    with pytest.raises(ArgumentError, match=r"FederationJobSensor 'wait': timeout is nan"):
        FederationJobSensor(task_id="wait", job_id=JOB, timeout=float("nan"))


def test_an_argument_of_a_pipeline_that_runs_on_is_named_itself():
    with pytest.raises(ArgumentError, match=r"autostop is '{{ params.stop }}'"):
        DfmExecuteOperator(task_id="run", pipeline="a:b", autostop="{{ params.stop }}")


def test_several_job_ids_are_for_expand():
    made = DfmResultsOperator(task_id="read", job_id="{{ given }}", dfm_conn_id="broken")
    made.job_id = [JOB, JOB]
    with pytest.raises(ArgumentError, match=r"job_id is \[.*several are for \.expand\(\)"):
        made.execute(run_context(SimpleNamespace(dag=None), None, PARAM))
