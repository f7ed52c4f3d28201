"""Puts a startup kit into the store, where all workers and the triggerer find it.

``python startup_kits.py FOLDER NAME`` makes it ``s3://store@federation/kits/NAME``, for a connection's
``startup_kit``. Runs in Airflow's environment, with the store's credentials.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3

BUCKET = "federation"
CONNECTIONS = Path(__file__).resolve().parent / "connections.json"


def store() -> Any:
    """The store's S3 client, at the place that the connection ``store`` names; makes the bucket if there is none."""
    endpoint = json.loads(CONNECTIONS.read_text())["store"]["extra"]["endpoint_url"]
    client = boto3.client("s3", endpoint_url=endpoint)
    if BUCKET not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
        client.create_bucket(Bucket=BUCKET)
    return client


def upload(folder: Path, name: str) -> int:
    """Put a kit into the store; what is there under its name is replaced.

    :param folder: the kit's root, which holds ``startup/`` and ``local/``
    :param name: the kit's name in the store
    :return: how many files it has
    :raises FileNotFoundError: there is no kit in the folder
    """
    if not (folder / "startup" / "fed_admin.json").is_file():
        raise FileNotFoundError(f"{folder} is no administrator's startup kit: it has no startup/fed_admin.json")
    client = store()
    files = [path for part in ("startup", "local") for path in sorted((folder / part).rglob("*")) if path.is_file()]
    for path in files:
        client.upload_file(str(path), BUCKET, f"kits/{name}/{path.relative_to(folder).as_posix()}")
    return len(files)


if __name__ == "__main__":
    kit, wanted = Path(sys.argv[1]), sys.argv[2]
    print(f"s3://store@{BUCKET}/kits/{wanted}: {upload(kit, wanted)} files")
