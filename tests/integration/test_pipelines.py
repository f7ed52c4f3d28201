"""What pipelines give back, on both targets: every promise about results, on the real thing.

All trials of a target are submitted at once, so that the federation works on several, and nobody watches them.
"""

from __future__ import annotations

import hashlib
import io
import time
from pathlib import Path

import matplotlib.image
import numpy
import pytest

from airflow_provider_dfm.federation.errors import (
    ConnectionSettingsError,
    JobFailed,
    JobNotFound,
    ParameterSetError,
    PipelineError,
)
from airflow_provider_dfm.federation.job_status import JobStatus
from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import read_settings
from demo.demonstration import FEDERATION, expected_results, extract_data

pytestmark = pytest.mark.federation

ECHOED = [
    1, "a", None, 2.5, True, [1, {"a": [2.5]}], {"b": [None]}, "ä€\n",
    "{abc}", "{$HOME}", '{"a": 1}', "{{x}}", {"{k}": "{v}"},
]  # fmt: skip
KINDS = ("dataset", "table", "masked", "image", "numbers", "columns", "decimal", "content")
# Beyond 1 MB, a value is a file of its own: so many numbers have 3 MB.
LARGE = 400_000
SUM = LARGE * (LARGE - 1) / 2
LARGE_KINDS = ("numbers", "columns", "masked", "dataset", "content", "texts")
TRIALS = {
    "echo": ("trial_pipelines:echo", [{"value": value} for value in ECHOED]),
    "many": ("trial_pipelines:echo", [{"value": number} for number in range(200)]),
    "large": ("trial_pipelines:large", [{"size": 100_000}] * 50),
    "both": ("trial_pipelines:echo_both", [{"value": 1}, {"value": 2}]),
    "fail": ("trial_pipelines:fail", [{"message": ""}, {"message": "no {such} data"}, {"message": ""}]),
    "kinds": ("trial_pipelines:give", [{"kind": kind, "size": 4} for kind in KINDS]),
    "opaque": ("trial_pipelines:give", [{"kind": kind, "size": LARGE} for kind in ("numbers", "opaque", "numbers")]),
    "large kinds": ("trial_pipelines:give", [{"kind": kind, "size": LARGE} for kind in LARGE_KINDS]),
    "each": ("trial_pipelines:give_each", [{"kinds": kinds, "size": 3} for kinds in ("numbers opaque image", "image")]),
    "server": ("trial_pipelines:give_at_the_server", [{"kind": kind, "size": LARGE} for kind in ("opaque", "numbers")]),
    "nan": ("trial_pipelines:not_a_number", {}),
    "picture": ("trial_pipelines:picture", [{"rows": 5}, {"rows": 3}]),
    "none": ("trial_pipelines:echo", []),
}


class Target:
    """A session with all trials submitted; results are read when they are asked for."""

    def __init__(self, session):
        self.session = session
        self.jobs = {name: session.execute(*trial) for name, trial in TRIALS.items()}

    def results(self, name):
        job = self.jobs[name]
        assert job.wait_until_finished(timeout=240, poll_interval=0.5)
        return job.results()


@pytest.fixture(scope="module", params=["local", "flare"])
def target(request, tmp_path_factory, local_fields):
    settings = local_fields()
    if request.param == "flare":
        settings = request.getfixturevalue("fields")(federation="trials")
    settings["results_path"] = str(tmp_path_factory.mktemp("results"))
    with FederationSession(read_settings(settings, "test")) as session:
        yield Target(session)


def test_values_arrive_as_they_are_braces_and_all(target):
    assert [result.value for result in target.results("echo")] == ECHOED


def test_a_job_of_200_sets_that_nobody_watches_gives_200_results_in_order(target):
    results = target.results("many")
    assert [(result.parameter_set, result.value) for result in results] == [(i, i) for i in range(200)]


def test_50_results_of_100_kilobytes(target):
    assert [len(result.value) for result in target.results("large")] == [100_000] * 50


def test_a_job_is_completed_before_its_server_has_stored_it(fields, tmp_path):
    """The server needs a second for this job's workspace; meanwhile it gives the job without it."""
    settings = read_settings(fields(federation="trials", results_path=str(tmp_path)), "test")
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:large", [{"size": 5_000_000}] * 40)
        assert job.wait_until_finished(timeout=240, poll_interval=0.05)
        assert [len(result.value) for result in job.results()] == [5_000_000] * 40


def test_each_result_names_its_site_and_place(target):
    found = [(result.parameter_set, result.place, result.site, result.value) for result in target.results("both")]
    sites = ("san_francisco", "seattle")
    assert found == [(i, site, site, i + 1) for i in (0, 1) for site in sites]


def test_an_adapter_that_raises_fails_the_job_with_its_error_and_its_site(target):
    results = target.results("fail")
    with pytest.raises(JobFailed, match=r"parameter set 1, site seattle: RuntimeError: no \{such\} data"):
        list(results)
    assert [result.value for result in results.received()] == ["fine", "fine"]


def test_what_the_tutorials_yield_arrives_as_what_it_was(target):
    results = dict(zip(KINDS, target.results("kinds"), strict=True))
    dataset = results["dataset"].dataset()
    assert dataset["temperature"].values.tolist() == [0, 1, 2, 3]
    assert (str(dataset["day"].values[2])[:10], dataset.attrs) == ("2010-01-03", {"unit": "K"})
    table = results["table"].table()
    assert (list(table["city"]), list(table["mean"]), table["day"][1].day) == (["Ulm"] * 4, [0, 0.5, 1, 1.5], 2)
    masked = results["masked"].array()
    assert (masked.tolist(), masked.sum()) == ([1, None, 3, 4], 8)
    image = results["image"].image()
    assert (image.size, image.mode, image.getpixel((2, 1))) == ((4, 2), "RGB", (255, 0, 0))
    assert results["numbers"].array().tolist() == [0, 1, 2, 3]
    assert results["columns"].array().tolist() == [[0, 1], [2, 3]]
    assert results["decimal"].value == "1.5"
    assert numpy.frombuffer(results["content"].content()).tolist() == [0, 1, 2, 3]


def test_a_value_without_a_plain_form_fails_its_set_by_type_and_place_and_the_others_arrive(target):
    results = target.results("opaque")
    with pytest.raises(JobFailed, match=r"parameter set 1, site seattle: NoPlainForm: .* place 'result' .*lock"):
        list(results)
    assert "['answers'][2]" in results.outcome.failed_sets()[1], "where in the value it is"
    assert [(each.parameter_set, each.array().sum()) for each in results.partial()] == [(0, SUM), (2, SUM)]
    # What the refused value had in it already is not kept.
    assert len({name for each in results.received() for name in each.files.sizes}) == 1


def test_an_item_of_a_generator_without_a_plain_form_fails_its_set_alone(target):
    results = target.results("each")
    assert results.outcome.failed_sets().keys() == {0}
    assert [each.frame for each in results.received()] == [(0, 0), (0, 2), (1, 0)]


def test_what_the_server_itself_yields_is_plain_as_well(target):
    results = target.results("server")
    assert results.outcome.failed_sets().keys() == {0}
    assert "site server: NoPlainForm" in results.outcome.failed_sets()[0]
    assert [(each.site, each.array().sum()) for each in results.partial()] == [("server", SUM)]


def test_large_values_are_files_beside_the_results(target):
    results = target.results("large kinds")
    kept = dict(zip(LARGE_KINDS, results, strict=True))
    folder = Path(target.session.settings.results_path) / target.jobs["large kinds"].job_id
    # The mask is small enough to stay there.
    assert (folder / "results.jsonl").stat().st_size < 600_000
    files = {name for each in kept.values() for name in each.files.sizes}
    assert {path.name for path in (folder / "values").iterdir()} == files
    for name in files:
        assert hashlib.sha256((folder / "values" / name).read_bytes()).hexdigest() == name
    assert kept["numbers"].array().sum() == SUM
    assert kept["columns"].array()[1].tolist() == [2, 3]
    assert kept["masked"].array()[:3].tolist() == [1, None, 3]
    assert kept["dataset"].dataset()["temperature"].sum() == SUM
    assert numpy.frombuffer(kept["content"].content()).sum() == SUM
    assert kept["texts"].value["texts"][-1] == f"text {LARGE - 1}", "JSON that is large, too"


def test_a_float_that_json_does_not_know_arrives(target):
    assert [repr(result.value) for result in target.results("nan")] == ["nan"]


def test_an_array_made_and_cut_at_one_site_and_drawn_at_another_arrives_as_array_and_as_image(target):
    results = {(result.parameter_set, result.place): result for result in target.results("picture")}
    assert len(results) == 6
    for place in ("cut", "same"):
        array = results[0, place].array()
        assert (array.dtype, array.tolist()) == (numpy.float32, [[4, 5, 6, 7], [8, 9, 10, 11]])
    assert results[0, "image"].site == "san_francisco"
    image = matplotlib.image.imread(io.BytesIO(results[0, "image"].content()))
    assert image.shape == (2, 4)
    assert (image.min(), image.max()) == (0, 1)
    with pytest.raises(TypeError, match=r"parameter set 0 at place 'image' is not an array, but dict \{'@bytes'"):
        results[0, "image"].array()


def test_flare_refuses_what_the_home_site_does_and_the_local_target_does_it(target):
    arguments = {"site": "analyst"}
    if target.session.settings.target == "local":
        job = target.session.execute("trial_pipelines:echo", {"value": 1}, pipeline_arguments=arguments)
        assert job.wait_until_finished(timeout=60, poll_interval=0.1)
        assert [(result.site, result.value) for result in job.results()] == [("analyst", 1)]
    else:
        with pytest.raises(PipelineError, match=r"runs on the home site 'analyst'.*Give the operation another site"):
            target.session.execute("trial_pipelines:echo", {"value": 1}, pipeline_arguments=arguments)


def test_the_files_of_a_job_have_its_large_values(target, tmp_path):
    job_id = target.jobs["opaque"].job_id
    if target.session.settings.target == "local":
        with pytest.raises(ConnectionSettingsError, match="have no files to download"):
            target.session.download_job_result(job_id, tmp_path)
        return
    results = target.results("opaque")
    (name,) = target.session.download_job_result(job_id, tmp_path, "**/values/*").files
    (size,) = {size for each in results.received() for size in each.files.sizes.values()}
    assert (tmp_path / name).stat().st_size == size


def test_no_parameter_set_no_result(target):
    assert list(target.results("none")) == []


def test_results_can_be_read_again_and_by_others(target):
    first = list(target.results("both"))
    assert list(target.session.reattach(target.jobs["both"].job_id).results()) == first
    with FederationSession(target.session.settings) as another:
        job = another.reattach(target.jobs["both"].job_id)
        assert job.get_status() is JobStatus.FINISHED
        assert list(job.results()) == first


def test_looking_takes_nothing_away(fields, tmp_path):
    """Each of these sessions downloads for itself."""
    read = []
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        job = session.execute("trial_pipelines:echo", [{"value": 1}])
        while not job.get_status().has_ended:
            time.sleep(0.5)
        read = [list(job.results()), list(job.results())]
        assert read[0] == read[1] != []


def test_an_unknown_job(target):
    job = target.session.reattach("2b7bb1d0-cdba-4d1c-9f00-28d8a2d0e2cd")
    assert job.get_status() is JobStatus.UNKNOWN
    with pytest.raises(JobNotFound):
        job.results()


def test_a_job_that_is_cancelled(target):
    job = target.session.execute("trial_pipelines:sleep", [{"seconds": 60}])
    assert not job.wait_until_finished(timeout=3)
    job.cancel()
    assert job.wait_until_finished(timeout=60)
    assert job.get_status() is JobStatus.ABORTED
    with pytest.raises(JobFailed, match="aborted it"):
        list(job.results())


def test_a_site_that_is_out_of_time_fails_the_job(fields, tmp_path):
    settings = read_settings(fields(federation="trials", results_path=str(tmp_path)), "test")
    with FederationSession(settings) as session:
        job = session.execute("trial_pipelines:sleep", [{"seconds": 30}], options={"task_timeout_s": 3})
        assert job.wait_until_finished(timeout=120)
        assert job.get_status() is JobStatus.FAILED
        with pytest.raises(JobFailed, match="site seattle: did not finish within 3 s"):
            list(job.results())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({}, r"Parameter set 0 does not fit the pipeline: missing \['count', 'text'\]"),
        ({"text": "a", "count": 1, "more": 1}, r"unknown \['more'\]"),
        (
            [{"text": "a", "count": 1}, {"text": "a", "count": "1"}],
            r"set 1, place 'count' \(Repeat.count at site seattle\): Input should be",
        ),
        ({"text": 1, "count": 1}, "place 'text' .*: Input should be a valid string, not int 1"),
    ],
)
def test_a_parameter_set_that_does_not_fit_is_refused_before_the_submit(target, parameters, message):
    with pytest.raises(ParameterSetError, match=message):
        target.session.execute("trial_pipelines:repeat", parameters)


@pytest.mark.parametrize(
    ("pipeline", "arguments", "message"),
    [
        ("trial_pipelines:nothing", {}, "has no attribute 'nothing'"),
        ("no_such_module:nothing", {}, "No module named 'no_such_module'"),
        ("trial_pipelines:echo", {"site": "boston"}, "Echo names the site 'boston', but the federation has analyst"),
        ("trial_pipelines:echo", {"nope": 1}, "raised TypeError"),
        ("pipelines:compare", {"first": "boston"}, "Unknown site 'boston': choose one of"),
        ("trial_pipelines:conditional", {}, "DFM cannot prepare the pipeline"),
        ({"dfm_body": 3}, {}, "not a DFM pipeline: dfm_body"),
        ({"dfm_body": [{"dfm_class_name": "trials.fed.api.trial.Nothing"}]}, {}, "not|does not have"),
        ("{", {}, "not a DFM pipeline: the whole: Invalid JSON"),
    ],
)
def test_what_is_no_pipeline_is_refused(target, pipeline, arguments, message):
    with pytest.raises(PipelineError, match=message):
        target.session.execute(pipeline, {}, pipeline_arguments=arguments)


def test_flare_refuses_what_only_the_server_does(fields):
    with FederationSession(read_settings(fields(federation="trials"), "test")) as session:
        with pytest.raises(PipelineError, match="All operations of the pipeline run on the server"):
            session.execute("trial_pipelines:echo", {"value": 1}, pipeline_arguments={"site": "server"})


def test_a_pipeline_prepared_once_runs_often_and_shows_its_code(local_fields):
    with FederationSession(read_settings(local_fields(), "test")) as session:
        prepared = session.prepare("trial_pipelines:echo")
        assert (prepared.parameters, prepared.places) == (("value",), ("result",))
        assert "call_trial_Echo" in session.debug_show_code(prepared)["seattle"]
        for value in ("a", "b"):
            job = session.execute(prepared, {"value": value})
            assert job.wait_until_finished(timeout=60, poll_interval=0.1)
            assert [result.value for result in job.results()] == [value]


def test_a_reference_that_would_arrive_as_data_is_refused(local_fields):
    place = {"tag": "@dfm-place-param", "place": "value", "multiuse": False}
    node = {"tag": "@dfm-node", "ident": 0}
    echo = {"dfm_class_name": "trials.fed.api.trial.Echo", "site": "seattle", "dfm_node_id": node, "value": place}
    with FederationSession(read_settings(local_fields(), "test")) as session:
        with pytest.raises(PipelineError, match=r"Echo\.value is a reference, but DFM reads it as data"):
            session.execute({"dfm_body": [echo]}, {"value": 1})


def test_the_demonstrations_file_gives_what_the_data_files_give(local_fields, tmp_path, monkeypatch):
    monkeypatch.setenv("WEATHER_DATA", str(extract_data(tmp_path / "data")))
    settings = local_fields(federation="weather", results_path=str(tmp_path))
    with FederationSession(read_settings(settings, "test")) as session:
        job = session.execute(str(FEDERATION / "compare.json"), {"start": "2010-07-01", "end": "2010-07-04"})
        job.wait_until_finished(timeout=60, poll_interval=0.1)
        values = {result.place: result.value for result in job.results()}
    expected = expected_results("2010-07-01", "2010-07-04")
    for place, site in (("first", "seattle"), ("second", "san_francisco")):
        assert expected[site].items() <= values[place].items()
