"""Results larger than memory should be: what is held of them does not grow with them. A GiB: ``make bench``."""

from __future__ import annotations

import uuid

import pytest

from benchmarks.results_memory import MEBIBYTE, measure, write_download

pytestmark = pytest.mark.store


@pytest.mark.parametrize(
    ("sets", "value_bytes", "target"),
    [(24, 5_000_000, "folder"), (24, 5_000_000, "store"), (100_000, 100, "folder")],
    ids=["120 MB to a folder", "120 MB to a store", "100000 values"],
)
def test_memory_does_not_grow_with_the_results(tmp_path, object_store, monkeypatch, sets, value_bytes, target):
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)
    download = write_download(tmp_path / "download", sets, value_bytes)
    where = str(tmp_path / "kept") if target == "folder" else object_store.uri(f"memory/{uuid.uuid4()}")
    needed = measure(download, sets, where)
    assert needed.peak - needed.before < 100 * MEBIBYTE
