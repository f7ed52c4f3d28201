"""The cluster's object store. ``python store.py [PREFIX]`` names what is in it, such as ``results/``.

Runs in Airflow's environment, with the store's credentials.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

BUCKET = "federation"
CONNECTIONS = Path(__file__).resolve().parent / "connections.json"


def client() -> Any:
    """Its S3 client, at the place that the connection ``store`` names; makes the bucket if there is none."""
    endpoint = json.loads(CONNECTIONS.read_text())["store"]["extra"]["endpoint_url"]
    s3 = boto3.client("s3", endpoint_url=endpoint)
    if BUCKET not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=BUCKET)
    return s3


def names(prefix: str = "") -> Iterator[str]:
    """What is in it, by its key.

    :param prefix: the beginning of the keys
    """
    for page in client().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        yield from (each["Key"] for each in page.get("Contents", []))


if __name__ == "__main__":
    print(*names(*sys.argv[1:2]), sep="\n")
