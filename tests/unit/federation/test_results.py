from __future__ import annotations

import json
import os
import shutil

import pytest
from pydantic import BaseModel

from airflow_provider_dfm.federation.errors import JobFailed, PipelineError, ResultsIncomplete, UnsafeResult
from airflow_provider_dfm.federation.job_meta import JobMeta
from airflow_provider_dfm.federation.results import read_downloaded_job

from .tokens import end, error, meta, model, token, write_job

STOP = end("stop")


def test_results_come_in_the_order_of_their_sets_however_they_arrived(tmp_path):
    arrived = [token(frame=[i], value=i) for i in (2, 0, 1)] + [end([i]) for i in (1, 0, 2)] + [STOP]
    results = read_downloaded_job(write_job(tmp_path, *arrived), meta(sets=3))
    assert [(each.parameter_set, each.value) for each in results] == [(0, 0), (1, 1), (2, 2)]
    assert [each.value for each in results] == [0, 1, 2], "reading takes nothing away"


def test_items_of_a_generator_stay_in_their_set(tmp_path):
    tokens = [token(frame=[0, 1], value="b"), token(frame=[0, 0], value="a"), end([0]), STOP]
    results = read_downloaded_job(write_job(tmp_path, *tokens), meta())
    assert [(each.frame, each.value) for each in results] == [((0, 0), "a"), ((0, 1), "b")]


@pytest.mark.parametrize("nodes", [(0, 1), (0, 0), (None, None)])
def test_two_yields_to_one_place_are_two_results(tmp_path, nodes):
    tokens = [token(node=node, value=value) for node, value in zip(nodes, "aa", strict=True)]
    results = read_downloaded_job(write_job(tmp_path, *tokens, end(), STOP), meta(certain={"answer": 2}))
    assert [each.value for each in results] == ["a", "a"]
    assert len(results) == 2


def test_one_result_of_two_is_missing(tmp_path):
    with pytest.raises(ResultsIncomplete, match="set 0: answer"):
        list(read_downloaded_job(write_job(tmp_path, token(), end(), STOP), meta(certain={"answer": 2})))


def test_a_models_data_is_plain_and_its_class_is_not_imported(tmp_path):
    value = model("no_such_module.Nothing", {"mean": 3.5})
    results = read_downloaded_job(write_job(tmp_path, token(value=value, tag="BaseModel"), end(), STOP), meta())
    assert [each.value for each in results] == [{"mean": 3.5}]


def test_telemetry_is_no_result(tmp_path):
    tokens = [token("__telemetry__", value={}), token(), end(), STOP]
    assert len(read_downloaded_job(write_job(tmp_path, *tokens), meta())) == 1


def test_a_pickle_is_refused_and_never_read(tmp_path):
    value = {"tag": "__dfm__pickled__", "value": "Y29zCnN5c3RlbQo="}
    results = read_downloaded_job(write_job(tmp_path, token(value=value, tag="PickledObject"), end(), STOP), meta())
    with pytest.raises(UnsafeResult, match="set 0: answer from site seattle"):
        iter(results)
    assert list(results.received()) == []


def test_an_adapters_error_names_set_site_and_message(tmp_path):
    tokens = [token(), end(), error("no data", [1]), error("no data", [1], "_dfm_status_"), STOP]
    results = read_downloaded_job(write_job(tmp_path, *tokens), meta(sets=2))
    with pytest.raises(
        JobFailed, match=r"^parameter set 1, site seattle: RuntimeError: no data\. Job .* 1 results came of 2"
    ):
        iter(results)
    assert len(results.outcome.errors) == 1, "DFM reports one error at several places"


def test_an_error_keeps_the_last_frames_of_its_traceback(tmp_path):
    frames = [f'  File "step_{number}.py", line 1, in call\n    go()\n    ^^^^' for number in range(9)]
    trace = "\n".join(["Traceback (most recent call last):", *frames, "RuntimeError: no data"])
    tokens = [error("no data", trace=trace), error("no data", place="_dfm_status_"), error("late", [1], trace=trace)]
    outcome = read_downloaded_job(write_job(tmp_path, *tokens, STOP), meta(sets=2)).outcome
    kept = [f'  File "step_{number}.py", line 1, in call\n    go()' for number in (6, 7, 8)]
    assert [each.trace for each in outcome.errors] == ["\n".join([*kept, "RuntimeError: no data"])] * 2


def test_many_errors_do_not_keep_as_many_tracebacks(tmp_path):
    tokens = [error("no data", [index], trace="x" * 10_000) for index in range(100)]
    outcome = read_downloaded_job(write_job(tmp_path, *tokens, STOP), meta(sets=100)).outcome
    assert len(outcome.errors) == 100
    assert sum(len(each.trace) for each in outcome.errors) <= 5 * 2000


def test_an_error_belongs_to_the_site_that_raised_it_not_to_the_one_that_sent_it_on(tmp_path):
    trace = 'File "x/weather/fed/runtime/san_francisco/_this_site.py", line 3, in call\nRuntimeError: x'
    tokens = [error("x", site="server", trace=trace), STOP]
    outcome = read_downloaded_job(write_job(tmp_path, *tokens), meta()).outcome
    assert [each.site for each in outcome.errors] == ["san_francisco"]


def test_that_another_site_raised_an_error_is_shown_as_the_word_of_the_one_that_sent_it(tmp_path):
    trace = 'File "x/weather/fed/runtime/portland/_this_site.py", line 3, in call\nRuntimeError: x'
    outcome = read_downloaded_job(write_job(tmp_path, error("x", trace=trace), STOP), meta()).outcome
    assert outcome.failed_sets() == {0: "site portland (as site seattle says): RuntimeError: x"}
    # Where it has said so itself, nobody else's word is needed.
    tokens = [error("x", trace=trace), error("x", site="portland", trace=trace), error("x", [0], "b", trace=trace)]
    outcome = read_downloaded_job(write_job(tmp_path / "itself", *tokens, STOP), meta()).outcome
    assert outcome.failed_sets() == {0: "site portland: RuntimeError: x"}


def test_what_a_site_says_of_its_errors_is_bounded_and_forges_no_lines(tmp_path):
    def forged(number):
        return f"{number} begins\n2026-01-01 ERROR forged\x1b[31m\x00\ud800\u2028" + "x" * (1 << 20) + f"ends {number}"

    errors = [error(forged(number), kind="V\n" * 1000, trace="\x1b" * 1000) for number in range(30)]
    outcome = read_downloaded_job(write_job(tmp_path, *errors, error("other", [1]), STOP), meta(sets=2)).outcome
    assert {each.parameter_set for each in outcome.errors} == {0, 1}
    reasons = outcome.failed_sets()
    assert sum(map(len, reasons.values())) < 100_000
    assert all(reason.replace("\n", "").isprintable() for reason in reasons.values())
    assert "0 begins\n2026" in reasons[0]
    assert "ends 0" in reasons[0]
    assert all(each.trace.replace("\n", "").isprintable() for each in outcome.errors)
    with pytest.raises(JobFailed) as caught:
        outcome.check()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 30_000


def test_a_token_that_names_no_node_is_read_all_the_same(tmp_path):
    nameless = token()
    del nameless["source_node"]
    results = read_downloaded_job(write_job(tmp_path, nameless, end(), STOP), meta())
    assert [(each.value, each.node) for each in results] == [(1, None)]


class ErrorInfo(BaseModel):
    type: str
    message: str
    stack_trace: str


def _passed_on(error):
    """The text that DFM makes of errors that an operation got for its input, as an error of its own."""
    return f"token='@dfm-error-token' errors=[{error!r}]"


@pytest.mark.parametrize("message", ["no data", "it's no data", 'no "data"', 'it\'s "no" data'])
def test_an_error_that_operations_pass_on_is_the_one_that_was_raised(tmp_path, message):
    trace = 'File "x/weather/fed/runtime/san_francisco/_this_site.py", line 3\nRuntimeError: x'
    raised = error(message, site="san_francisco", trace=trace)
    info = ErrorInfo(type="RuntimeError", message=message, stack_trace=trace)
    once = _passed_on(info)
    twice = _passed_on(ErrorInfo(type="ErrorToken", message=once, stack_trace="NoneType: None"))
    tokens = [raised, error(once, kind="ErrorToken"), error(twice, kind="ErrorToken", site="server"), STOP]
    outcome = read_downloaded_job(write_job(tmp_path, *tokens), meta()).outcome
    assert [str(each) for each in outcome.errors] == [f"parameter set 0, site san_francisco: RuntimeError: {message}"]


@pytest.mark.parametrize(
    ("tokens", "what"),
    [
        ([token(), end()], "the end of the pipeline"),
        ([token(), STOP], "set 0: its end"),
        ([end(), STOP], "set 0: answer"),
        ([], "set 0: answer"),
    ],
)
def test_what_is_missing_is_named(tmp_path, tokens, what):
    results = read_downloaded_job(write_job(tmp_path, *tokens), meta())
    with pytest.raises(ResultsIncomplete, match=what):
        iter(results)


def test_a_job_that_runs_has_no_results_yet(tmp_path):
    results = read_downloaded_job(write_job(tmp_path, token(), end(), STOP), meta("RUNNING"))
    with pytest.raises(ResultsIncomplete, match="is RUNNING"):
        iter(results)


def test_a_failed_site_is_named(tmp_path):
    folder = write_job(tmp_path, failures={"seattle": "EXECUTION_EXCEPTION: ImportError: x"})
    results = read_downloaded_job(folder, meta("FINISHED:EXECUTION_EXCEPTION"))
    with pytest.raises(JobFailed, match="site seattle: EXECUTION_EXCEPTION: ImportError: x"):
        iter(results)


def test_a_job_that_no_site_took_says_why(tmp_path):
    (tmp_path / "job").mkdir()
    refused = meta("FINISHED:CAN_NOT_SCHEDULE")
    refused = refused.model_copy(update={"schedule_history": ("2026-11-24 18:33:09: missing required site boston",)})
    with pytest.raises(JobFailed, match=r"^missing required site boston\. .* ended as FINISHED:CAN_NOT_SCHEDULE"):
        read_downloaded_job(tmp_path, refused).outcome.check()


def test_an_aborted_job_failed_even_when_all_results_came(tmp_path):
    results = read_downloaded_job(write_job(tmp_path, token(), end(), STOP), meta("FINISHED:ABORTED"))
    with pytest.raises(JobFailed, match="FINISHED:ABORTED"):
        iter(results)


def test_a_line_that_was_being_written_is_left_out(tmp_path):
    folder = write_job(tmp_path, token(), end(), STOP)
    with (folder / "workspace/app_server/airflow_provider_dfm/tokens.jsonl").open("a") as file:
        file.write('{"source_site": "sea')
    assert len(list(read_downloaded_job(folder, meta()))) == 1


def test_another_jobs_download_is_refused(tmp_path):
    with pytest.raises(PipelineError, match="not a pipeline that this provider submitted"):
        read_downloaded_job(tmp_path, JobMeta(job_id="1", name="fedavg", status="FINISHED:COMPLETED"))


@pytest.mark.parametrize("name", ["tokens.jsonl", "failures.json", "app_server", "workspace", "fifo"])
def test_a_downloaded_job_that_leads_elsewhere_is_refused(tmp_path, name):
    """A server that does not play fair; its own files would be taken for the results."""
    elsewhere = write_job(tmp_path / "elsewhere", token(), end(), STOP, failures={"seattle": "x"})
    folder = write_job(tmp_path / "job", token(), end(), STOP)
    kept = "workspace/app_server/airflow_provider_dfm"
    paths = {"app_server": "workspace/app_server", "workspace": "workspace", "fifo": f"{kept}/tokens.jsonl"}
    path = folder / paths.get(name, f"{kept}/{name}")
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if name == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to(elsewhere / path.relative_to(folder))
    with pytest.raises(UnsafeResult, match="is a link or no file"):
        read_downloaded_job(folder, meta())


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "null",
        "{}",
        json.dumps(token(frame=[-1])),
        json.dumps(token(frame=[2**64])),
        json.dumps(token(frame=[2**63])),
        json.dumps(token(frame=["a"])),
        json.dumps(token(place=["a"])),
        json.dumps(token(value=1) | {"tagged_data": ["json"]}),
        json.dumps(token(value=1) | {"tagged_data": ["BaseModel", 1]}),
        '{"a": ' * 100_000,
    ],
)
def test_what_is_no_token_is_named(tmp_path, line):
    """A server that does not play fair, or a disk that does not."""
    folder = write_job(tmp_path, token())
    with (folder / "workspace/app_server/airflow_provider_dfm/tokens.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ResultsIncomplete, match=r"Line 2 of the job's tokens\.jsonl is no result"):
        read_downloaded_job(folder, meta())


def test_sets_and_frames_are_in_the_order_of_numbers(tmp_path):
    frames = [[0], [1], [2], [10], [255], [256], [65536], [3, 10], [3, 9], [3]]
    tokens = [token(frame=frame, value=frame) for frame in frames] + [end([i]) for i in range(65537)] + [STOP]
    results = read_downloaded_job(write_job(tmp_path, *tokens), meta(sets=65537))
    assert [each.value for each in results.received()] == sorted(frames)
    assert results.outcome.missing.keys() == set(range(65537)) - {frame[0] for frame in frames}


def test_a_token_that_lacks_its_end_was_being_written(tmp_path):
    folder = write_job(tmp_path, token(), end(), STOP)
    with (folder / "workspace/app_server/airflow_provider_dfm/tokens.jsonl").open("a") as file:
        file.write('{"source_site": "sea')
    assert len(list(read_downloaded_job(folder, meta()))) == 1


SEND = '{"key": "a", "content": "", "first": 1, "count": 1, "stop": false}'


@pytest.mark.parametrize(
    "line",
    [
        '{"key": "a", "cou' + SEND,
        "",
        "1",
        "[]",
        "\ud800",
        '{"count": 1}',
        SEND.replace('"count": 1', '"count": "1"'),
        "[" * 100_000,
    ],
    ids=["torn", "empty", "a number", "a list", "half a pair", "no stop", "a text", "deep"],
)
def test_what_is_no_send_is_named(tmp_path, line):
    write_job(tmp_path, token(), end(), end("stop"))
    kept = next(tmp_path.rglob("tokens.jsonl")).with_name("sends.jsonl")
    kept.write_bytes(f"{SEND}\n{line}\n{SEND}\n".encode(errors="surrogatepass"))
    with pytest.raises(ResultsIncomplete, match=r"Line 2 of the job's sends\.jsonl is no send that can be read"):
        read_downloaded_job(tmp_path, meta())


def test_a_send_that_lacks_its_end_was_being_written(tmp_path):
    write_job(tmp_path, token(), end(), end("stop"))
    kept = next(tmp_path.rglob("tokens.jsonl")).with_name("sends.jsonl")
    kept.write_text(f'{SEND}\n{{"key": "b", "cou')
    assert read_downloaded_job(tmp_path, meta()).outcome.parameter_sets == 2
