from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import PipelineError
from airflow_provider_dfm.federation.pipeline import pipeline_source


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
