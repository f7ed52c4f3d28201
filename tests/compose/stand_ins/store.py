"""moto's S3 server, with what it does not do by itself: it asks for the credentials of ``/secrets/s3.json``.

Objects are kept in memory: with this store's container they are gone.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Guarded:
    """Lets a request pass whose AWS signature is right.

    :param application: what answers then
    :param access_key: the one access key
    :param secret_key: its secret
    """

    def __init__(self, application: Application, access_key: str, secret_key: str) -> None:
        self._application = application
        self._credentials = Credentials(access_key, secret_key)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/healthz":
            start_response("200 OK", [("Content-Length", "0")])
            return []
        if not self._signed(environ):
            start_response("403 Forbidden", [("Content-Type", "text/xml")])
            return [b"<Error><Code>SignatureDoesNotMatch</Code></Error>"]
        return self._application(environ, start_response)

    def _signed(self, environ: dict[str, Any]) -> bool:
        kind, _, rest = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        fields = dict(field.strip().split("=", 1) for field in rest.split(",") if "=" in field)
        if kind != "AWS4-HMAC-SHA256" or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
            return False
        access_key, _, region, service, _ = fields["Credential"].split("/")
        if access_key != self._credentials.access_key:
            return False
        headers = {name: _header(environ, name) for name in fields["SignedHeaders"].split(";")}
        url = f"http://{environ['HTTP_HOST']}{environ['REQUEST_URI']}"
        request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, headers=headers)
        request.context["timestamp"] = _header(environ, "x-amz-date")
        signer = S3SigV4Auth(self._credentials, service, region)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        return hmac.compare_digest(signer.signature(text, request), fields["Signature"])


def _header(environ: dict[str, Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}", ""))


if __name__ == "__main__":
    identity = json.loads(Path("/secrets/s3.json").read_text())["identities"][0]["credentials"][0]
    moto = DomainDispatcherApplication(create_backend_app)
    run_simple("0.0.0.0", 8333, Guarded(moto, identity["accessKey"], identity["secretKey"]), threaded=True)
