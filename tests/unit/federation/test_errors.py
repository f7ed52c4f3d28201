from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_dfm.federation import errors

BASES = {errors.FederationError, errors.TransientFederationError, errors.PermanentFederationError, errors.JobFailed}
PACKAGE = Path(errors.__file__).parents[1]


def test_every_error_is_on_one_branch():
    kinds = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}
    branches = (errors.TransientFederationError, errors.PermanentFederationError)
    for kind in kinds - BASES:
        assert sum(issubclass(kind, branch) for branch in branches) == 1, kind


def test_a_failed_job_is_never_an_error_without_a_branch():
    for path in PACKAGE.rglob("*.py"):
        raised = re.search(r"""(raise|return) JobFailed\(|NamedError\(\s*["']JobFailed""", path.read_text())
        assert raised is None, f"{path}: raise one of JobFailed's subclasses"


CORRECTIONS = (
    "ConnectionSettingsError StartupKitError AuthenticationFailed VersionMismatch PipelineError ParameterSetError "
    "JobDefinitionError CallbackNotFound JobContentConflict DestinationConflict"
)


@pytest.mark.parametrize("name", CORRECTIONS.split())
def test_what_only_a_person_can_mend_is_told_apart(name):
    assert isinstance(errors.error_from_name(name, "text"), errors.CorrectionNeeded)


@pytest.mark.parametrize("name", ["WorkFailed", "JobAborted", "ResultsIncomplete", "UnsafeResult", "CallbackFailed"])
def test_what_a_retry_does_otherwise_than_the_try_before_is_not(name):
    error = errors.error_from_name(name, "text")
    assert isinstance(error, errors.PermanentFederationError)
    assert not isinstance(error, errors.CorrectionNeeded)


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "annotations", "nothing"])
def test_an_unknown_name_is_still_an_error_of_the_federation(name):
    error = errors.error_from_name(name, "text")
    assert type(error) is errors.FederationError
    assert name in str(error)


def test_a_known_name_is_its_class():
    assert type(errors.error_from_name("JobNotFound", "text")) is errors.JobNotFound


def test_what_a_message_quotes_can_go_into_a_database_and_a_log_file():
    """Airflow keeps a trigger's error in JSONB, and writes its logs as UTF-8."""
    error = errors.WorkFailed("site x: a\x00b\ud800c")
    assert str(error) == "site x: a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert str(errors.error_from_name("NoSuchError", "a\x00")) == "NoSuchError: a\N{REPLACEMENT CHARACTER}"
