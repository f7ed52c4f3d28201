from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.stray_files import is_stray

STRAY = [
    *("..data", "..2026_11_28_03_00_00.123456789", "__pycache__", ".git", ".svn", ".ipynb_checkpoints"),
    *(".DS_Store", "._meta.json", "__MACOSX", "Thumbs.db", "desktop.ini", "Desktop.ini"),
    *(".nfs000000000001", ".fuse_hidden0001", "lost+found", "app_$folder$", ".snapshot"),
    *(".meta.json.swp", ".meta.json.swo", ".swp", "meta.json~", ".#meta.json", "#meta.json#", ".~lock.data.ods#"),
    *("~$data.xlsx", ".train.py.kate-swp", ".idea", ".vscode", ".vs", ".history", "job.sublime-workspace"),
    *("code.py:Zone.Identifier", ".apdisk", ".smbdeleteAAA4", ".snapshots", "#recycle", ".@__thumb"),
    *(".meta.json.crc", ".dropbox", ".dropbox.cache", ".stfolder", ".syncthing.code.py.tmp", ".sync_0a1b.db-wal"),
    *(".coverage", ".tox", ".hypothesis", ".jj"),
]
PROPER = [
    *("meta.json", "app", "custom", ".", "..", ".hidden", ".env", "data.swp", "git", "nfs0001", ".gitignore"),
    *("folder", "_private.py", "__init__.py", "notes#1", "a~b", "desktop", "code.pyc", "code.pyo", "CVS"),
    *("history", "data.crc", "table.crc", "sync.db", "#1", ".coveragerc", ".python-version", "data.tmp", "code.bak"),
]


@pytest.mark.parametrize("name", STRAY)
def test_what_systems_editors_and_tools_leave_is_stray(name):
    assert is_stray(name)


@pytest.mark.parametrize("name", PROPER)
def test_anything_else_is_not(name):
    assert not is_stray(name)


def test_byte_code_is_stray_beside_its_source_alone():
    assert is_stray("code.pyc", {"code.py"})
    assert not is_stray("code.pyc", {"other.py"})
