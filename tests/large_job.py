"""A plain FLARE job whose result is as large as wanted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

SLEEP = Path(__file__).resolve().parent / "federation" / "flare_jobs" / "sleep"
MODEL = "workspace/app_server/model.bin"


def write_large_job(folder: Path, model_bytes: int) -> Path:
    """Write the job's folder, and give it.

    :param folder: where to; made.
    :param model_bytes: size of the file that the job leaves at :data:`MODEL`, in whole megabytes.
    """
    shutil.copytree(SLEEP, folder)
    path = folder / "app" / "config" / "config_fed_server.json"
    config = json.loads(path.read_text())
    config["workflows"][0]["args"] = {"seconds": 0, "model_bytes": model_bytes}
    path.write_text(json.dumps(config))
    return folder
