from __future__ import annotations

import os

import pytest

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.pipeline import pipeline_source
from airflow_provider_dfm.hooks.locations import read_pipeline


def test_forms(tmp_path):
    (tmp_path / "compare.json").write_text('{"dfm_body": []}')
    assert pipeline_source("pkg.pipelines:compare", {"site": "x"}) == {
        "function": "pkg.pipelines:compare",
        "arguments": {"site": "x"},
    }
    for given in (str(tmp_path / "compare.json"), ' {"dfm_body": []}', {"dfm_body": []}):
        assert "dfm_body" in pipeline_source(given)["json"]


@pytest.mark.parametrize("given", ["nowhere.json", "pkg.mod:", "a b:c", ""])
def test_what_is_no_pipeline(given):
    with pytest.raises(PipelineError, match="Cannot read the pipeline file"):
        pipeline_source(given)


def test_arguments_need_a_function():
    with pytest.raises(PipelineError, match="only go with a pipeline function"):
        pipeline_source({"dfm_body": []}, {"site": "x"})


@pytest.mark.parametrize("read", [pipeline_source, read_pipeline])
@pytest.mark.parametrize("what", [os.mkfifo, os.mkdir])
def test_a_pipe_is_not_waited_for(tmp_path, read, what):
    what(tmp_path / "pipeline.json")
    with pytest.raises(PipelineError, match="it is a folder, a pipe or a device, and no file"):
        read(str(tmp_path / "pipeline.json"))


@pytest.mark.parametrize("read", [lambda path: pipeline_source(path)["json"], read_pipeline])
def test_a_file_that_windows_wrote(tmp_path, read):
    (tmp_path / "pipeline.json").write_bytes(b"\xef\xbb\xbf{}")
    assert read(str(tmp_path / "pipeline.json")) == "{}"
