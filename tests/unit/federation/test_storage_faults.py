"""A store that is away is no reason to give up a task; a file that is not there is."""

from __future__ import annotations

import errno

import pytest

from airflow_provider_dfm.federation.errors import JobDefinitionError, PipelineError, StartupKitError, StorageFailed
from airflow_provider_dfm.federation.flare_job_folder import copy_job_folder
from airflow_provider_dfm.federation.startup_kit import copy_startup_kit
from airflow_provider_dfm.hooks import locations
from airflow_provider_dfm.hooks.locations import read_pipeline
from tests.unit.federation.meta_files import read_here

PASSING = [TimeoutError("no answer"), ConnectionError("reset"), OSError(errno.ENOSPC, "No space left on device")]
LASTING = [FileNotFoundError("no such key"), PermissionError("Access Denied"), ImportError("install s3fs")]


class Away:
    """Stands in for a path of a store that fails, which no real one does in all these ways."""

    def __init__(self, fault):
        self._fault = fault

    def _fail(self, *arguments, **keywords):
        raise self._fault

    is_file = is_dir = exists = read_text = open = iterdir = __truediv__ = _fail
    fs = property(_fail)


@pytest.mark.parametrize("fault", [*PASSING, *LASTING], ids=str)
@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda away, folder: read_pipeline("s3://bucket/pipeline.json"), PipelineError),
        (copy_startup_kit, StartupKitError),
        (lambda away, folder: copy_job_folder(away, folder / "copy", read_here), JobDefinitionError),
    ],
    ids=["pipeline", "kit", "job"],
)
def test_a_store_that_fails_is_told_from_a_file_that_is_wrong(tmp_path, monkeypatch, read, kind, fault):
    away = Away(fault)
    monkeypatch.setattr(locations, "ObjectStoragePath", lambda uri: away)
    with pytest.raises(StorageFailed if fault in PASSING else kind) as caught:
        read(away, tmp_path)
    assert str(fault) in str(caught.value)
