from __future__ import annotations

import pytest

from airflow_provider_dfm.federation import errors


def test_every_error_is_on_one_branch():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    branches = (errors.TransientFederationError, errors.PermanentFederationError)
    for kind in set(kinds) - {errors.FederationError, *branches}:
        assert sum(issubclass(kind, branch) for branch in branches) == 1, kind


@pytest.mark.parametrize("name", ["KeyboardInterrupt", "annotations", "nothing"])
def test_an_unknown_name_is_still_an_error_of_the_federation(name):
    error = errors.error_from_name(name, "text")
    assert type(error) is errors.FederationError
    assert name in str(error)


def test_a_known_name_is_its_class():
    assert type(errors.error_from_name("JobNotFound", "text")) is errors.JobNotFound
