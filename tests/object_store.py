"""An S3 server on loopback, and the ways into it: Airflow's, and a plain client that sees what is really there."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from airflow.sdk import Connection

from demo.child_process import ChildProcess, free_ports

BUCKET = "federation"
CONNECTION = "store"
# The server takes any.
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


class ObjectStore:
    """An S3 server with one bucket; a context manager that starts it and stops it.

    :param folder: for its log.
    """

    def __init__(self, folder: Path) -> None:
        self._log = folder / "s3.log"
        self._process: ChildProcess | None = None
        self._port = free_ports(1)[0]

    def __enter__(self) -> ObjectStore:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        self._process = ChildProcess(command, self._log, dict(os.environ), self._log.parent)
        deadline = time.monotonic() + 120
        while not self._listening():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)
        self.client.create_bucket(Bucket=BUCKET)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stop()

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    @property
    def client(self) -> Any:
        return boto3.client("s3", endpoint_url=self.endpoint, region_name="us-east-1", **KEYS)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def connection(self) -> dict[str, str]:
        """The environment variable by which Airflow knows it as the connection :data:`CONNECTION`."""
        # This server joins the parts of 1 GB for minutes where others work too, and fails a request that comes again
        # meanwhile.
        patient = {"read_timeout": 1800}
        extra = json.dumps({"endpoint_url": self.endpoint, "region_name": "us-east-1", "config_kwargs": patient})
        connection = Connection(conn_id=CONNECTION, conn_type="aws", login="test", password="test", extra=extra)
        return {f"AIRFLOW_CONN_{CONNECTION.upper()}": connection.as_json()}

    def uri(self, path: str) -> str:
        return f"s3://{CONNECTION}@{BUCKET}/{path}"

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Name below the prefix to content of what is there."""
        found = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{prefix}/").get("Contents", [])
        keys = [each["Key"] for each in found]
        return {
            key.removeprefix(f"{prefix}/"): self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            for key in keys
        }

    def put(self, path: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=path, Body=content)
