"""Writes the constraints of the environments for the Python that runs this, from what pip resolves today."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from demo.environments import PYTHON, REQUIREMENTS, ROOT, constraints

HEADER = "# Written by `make constraints`, with Python {python}. One name==version a line, nothing else.\n"


def main() -> None:
    """Resolve each environment that is named on the command line afresh, or all, and note the versions."""
    for name in sys.argv[1:] or list(REQUIREMENTS):
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            pip = [
                str(Path(folder) / "bin" / "python"),
                "-m",
                "pip",
                "--disable-pip-version-check",
                "--quiet",
            ]
            subprocess.run([*pip, "install", *REQUIREMENTS[name]], cwd=ROOT, check=True)
            command = [*pip, "freeze", "--exclude-editable"]
            frozen = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        pins = [line for line in frozen.splitlines() if "==" in line]
        constraints(name).write_text(HEADER.format(python=PYTHON) + "\n".join(pins) + "\n")
        print(f"{constraints(name)}: {len(pins)} versions")


if __name__ == "__main__":
    main()
