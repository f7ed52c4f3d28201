"""What lies in people's folders and archives without being of them: left by systems, editors and tools."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Container

NAMES = (
    # A mounted ConfigMap or Secret of Kubernetes: the folders that its files are links into.
    "..?*",
    # Python and its tools.
    "__pycache__",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".ipynb_checkpoints",
    ".hypothesis",
    ".tox",
    ".nox",
    ".coverage",
    # Version control.
    ".git",
    ".hg",
    ".svn",
    ".bzr",
    ".jj",
    # macOS.
    ".DS_Store",
    "._*",
    "__MACOSX",
    ".AppleDouble",
    ".LSOverride",
    ".Spotlight-V100",
    ".TemporaryItems",
    ".Trashes",
    ".fseventsd",
    "Icon\r",
    ".apdisk",
    ".localized",
    ".com.apple.timemachine.*",
    # Windows.
    "[Tt]humbs.db",
    "ehthumbs.db",
    "[Dd]esktop.ini",
    "$RECYCLE.BIN",
    "System Volume Information",
    # How other systems keep where Windows has a file from.
    "*:Zone.Identifier",
    # Linux, network file systems and stores.
    ".nfs[0-9a-f]*",
    ".fuse_hidden*",
    ".Trash-*",
    ".directory",
    ".snapshot",
    ".snapshots",
    ".zfs",
    ".smbdelete*",
    ".afpDeleted*",
    "lost+found",
    "@eaDir",
    "#recycle",
    "@Recycle",
    ".@__thumb",
    ".*.crc",
    # What brings files to several machines.
    ".dropbox",
    ".dropbox.*",
    ".stfolder",
    ".stversions",
    ".syncthing.*.tmp",
    "~syncthing~*.tmp",
    ".sync_*.db*",
    "*_$folder$",
    # Editors: swap, lock and backup files, and their own folders.
    ".*.sw[a-p]",
    ".sw[a-p]",
    "*.kate-swp",
    "*~",
    ".#*",
    "#*#",
    ".~lock.*#",
    "~$*",
    ".goutputstream-*",
    "*___jb_tmp___",
    "*___jb_old___",
    ".idea",
    ".vscode",
    ".vs",
    ".fleet",
    ".zed",
    ".history",
    ".spyproject",
    ".ropeproject",
    "*.sublime-workspace",
)
BYTE_CODE = (".pyc", ".pyo")

_stray = re.compile("|".join(fnmatch.translate(name) for name in NAMES))


def is_stray(name: str, beside: Container[str] = ()) -> bool:
    """Whether a file or folder is not of what it lies in.

    :param name: its name.
    :param beside: the names in the same folder: byte code is stray beside its source, and code without it.
    """
    return _stray.match(name) is not None or (name.endswith(BYTE_CODE) and name[:-1] in beside)
