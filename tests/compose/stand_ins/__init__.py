"""Stand-ins for the images of others, for a machine that reaches no image registry."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.compose.engine import BUILD_SECONDS, Engine

HERE = Path(__file__).resolve().parent
BASE_IMAGE = "localhost/debian:bookworm"
# The compose file's variable, and the stand-in for what it names.
VARIABLES = {"POSTGRES_IMAGE": "database", "REDIS_IMAGE": "broker", "STORE_IMAGE": "store"}


def stand_in_variables(images: str) -> dict[str, str]:
    """What the compose file's variables have to be for the stand-ins.

    :param images: the beginning of their names
    """
    return {"BASE_IMAGE": BASE_IMAGE} | {variable: f"{images}-{name}" for variable, name in VARIABLES.items()}


def build_stand_ins(engine: Engine, images: str) -> None:
    """Build the base image, unless it is there, and the stand-ins.

    :param engine: what builds them
    :param images: the beginning of their names
    """
    if BASE_IMAGE not in engine.run("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        subprocess.run([str(HERE / "make-base-image"), engine.program, BASE_IMAGE], check=True, env=engine.environment)
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder) / "context"
        shutil.copytree(HERE, context)
        for name in VARIABLES.values():
            options = ["--network", "host", "--build-arg", f"BASE_IMAGE={BASE_IMAGE}", "--target", name]
            engine.run("build", *options, "--tag", f"{images}-{name}", str(context), timeout=BUILD_SECONDS)
