"""What nvflare's errors are to a retry: the messages are those that real clients gave."""

from __future__ import annotations

import pytest

from airflow_provider_dfm.federation.errors import TransientFederationError, error_from_name
from airflow_provider_dfm.remote.failures import NamedError, flare_errors


class InternalError(Exception):
    """nvflare's, by its name."""


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        # A server that was killed while it sent a file, at 2.6 and from 2.7 on.
        (
            InternalError(
                "error: Failed to communicate with Admin Server localhost on 8003: RuntimeError: failed to receive "
                "1024 bytes"
            ),
            True,
        ),
        (RuntimeError("runtime error encountered: APIStatus.ERROR_RUNTIME: error receiving file"), True),
        (InternalError("error: session_inactive"), True),
        (ConnectionError("cannot connect to server: ERROR_SERVER_CONNECTION"), True),
        (InternalError("server internal error: "), False),
        (RuntimeError("runtime error encountered: APIStatus.ERROR_RUNTIME: failed to unzip file 'a.zip'"), False),
    ],
)
def test_a_connection_that_broke_is_worth_another_try(error, transient):
    with (
        pytest.raises(NamedError, match="The federation failed at downloading: ") as caught,
        flare_errors("downloading"),
    ):
        raise error
    named = error_from_name(caught.value.error_name, str(caught.value))
    assert isinstance(named, TransientFederationError) is transient
