"""Client libraries that are not quite as their makers release them, in a real interpreter."""

from __future__ import annotations

import subprocess
import sys

import pytest

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.federation.interpreter import inspect_interpreter


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """An interpreter without any library."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


def _install(folder, module, distribution, version):
    """As pip leaves it; without a distribution, as a folder of sources."""
    (folder / module).mkdir(parents=True)
    (folder / module / "__init__.py").write_text("raise RuntimeError('imported')")
    if distribution:
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        (info / "top_level.txt").write_text(f"{module}\n")
        (info / "RECORD").write_text(f"{module}/__init__.py,,\n")
    return folder


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        ("nvflare", "2.6.3"),
        ("nvflare", "2.6.3+vendor.1"),
        ("nvflare", "2.9.0.dev1"),
        ("nvflare-nightly", "2.8.0.dev20260101"),
        ("acme_flare", "7"),
    ],
)
def test_a_release_or_a_build_of_somebodys_own(bare, tmp_path, distribution, version):
    folder = _install(tmp_path, "nvflare", distribution, version)
    assert inspect_interpreter(bare, False, 30, [str(folder)]).nvflare == version


def test_a_folder_of_sources(bare, tmp_path):
    folder = _install(tmp_path, "nvflare", None, None)
    assert inspect_interpreter(bare, False, 30, [str(folder)]).nvflare == "unknown"


def test_what_an_interrupted_upgrade_left(bare, tmp_path):
    folder = _install(tmp_path, "nvflare", "nvflare", "2.6.3")
    (folder / "nvflare-2.6.3.dist-info" / "METADATA").unlink()
    assert inspect_interpreter(bare, False, 30, [str(folder)]).nvflare == "unknown"


def test_a_pipeline_library_of_somebodys_own(bare, tmp_path):
    _install(tmp_path, "nvflare", "nvflare", "2.6.3")
    folder = _install(tmp_path, "nv_dfm_core", "acme-dfm", "3.1.31+acme")
    assert inspect_interpreter(bare, True, 30, [str(folder)]).nv_dfm_core == "3.1.31+acme"


def test_a_folder_that_only_has_the_librarys_name_is_none(bare, tmp_path, monkeypatch):
    (tmp_path / "nvflare").mkdir()
    with pytest.raises(ConnectionSettingsError, match="has no nvflare"):
        inspect_interpreter(bare, False, 30, [str(tmp_path)])
    # Nor is one that lies where the worker happens to be.
    _install(tmp_path / "here", "nvflare", "nvflare", "2.6.3")
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ConnectionSettingsError, match="has no nvflare"):
        inspect_interpreter(bare, False, 30)
