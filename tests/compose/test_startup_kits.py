"""A startup kit on its way into the cluster's store: a real S3 server."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from airflow.sdk import ObjectStoragePath

from airflow_provider_dfm.federation.startup_kit import ADMIN_FILE, NAMED_FILES, copy_startup_kit
from tests.compose.engine import ROOT
from tests.object_store import KEYS

# The image has its scripts in one folder.
sys.path.append(str(ROOT / "compose"))
import startup_kits
import store

pytestmark = pytest.mark.store
FILES = {ADMIN_FILE, "local/privilege.json", *(f"startup/{name}" for name in NAMED_FILES.values())}


@pytest.fixture
def kit(tmp_path):
    folder = tmp_path / "kit"
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    return folder


@pytest.fixture(autouse=True)
def cluster(object_store, monkeypatch, tmp_path):
    """What a container of the cluster has: the store's place, and its keys."""
    for name, value in object_store.connection().items():
        monkeypatch.setenv(name, value)
    for name, value in {**KEYS, "aws_default_region": "us-east-1"}.items():
        monkeypatch.setenv(name.upper(), value)
    connections = tmp_path / "connections.json"
    connections.write_text(json.dumps({"store": {"extra": {"endpoint_url": object_store.endpoint}}}))
    monkeypatch.setattr(store, "CONNECTIONS", connections)


def files_of(uri, folder):
    """The files of the kit that a session takes from there."""
    folder.mkdir()
    root = copy_startup_kit(ObjectStoragePath(uri), folder)
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def test_a_kit_is_put_into_the_store_and_replaced_whole(kit, tmp_path):
    (kit / "startup" / "old.txt").write_text("")
    uri = startup_kits.upload(kit, "mine")
    assert files_of(uri, tmp_path / "first") == FILES | {"startup/old.txt"}
    (kit / "startup" / "old.txt").unlink()
    assert startup_kits.upload(kit, "mine") == uri == "s3://store@federation/kits/mine.tar"
    assert files_of(uri, tmp_path / "second") == FILES


def test_a_kit_that_only_its_owner_can_read_comes_as_an_archive(kit, tmp_path, monkeypatch, capsys):
    archive = subprocess.run(["tar", "-C", str(kit), "-c", "."], check=True, capture_output=True).stdout
    monkeypatch.setattr(sys, "argv", ["startup_kits.py", "-", "piped"])
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(archive)))
    assert startup_kits.main() == 0
    assert files_of(capsys.readouterr().out.strip(), tmp_path / "taken") == FILES


def test_what_is_no_kit_is_refused(tmp_path, monkeypatch, capsys, object_store):
    monkeypatch.setattr(sys, "argv", ["startup_kits.py", str(tmp_path), "none"])
    assert startup_kits.main() == 1
    assert "startup" in capsys.readouterr().err
    assert "none.tar" not in object_store.objects("kits")
