from __future__ import annotations

import os

import pytest

from airflow_provider_dfm.federation.errors import CallbackFailed
from airflow_provider_dfm.hooks.job_callback import callback_path, load_callback


def looks(job_id, meta, limit=1):
    return job_id, meta, limit


def test_a_callback_is_found_by_its_name():
    assert callback_path(os.path.join) == "posixpath:join"
    assert load_callback("posixpath:join", None)("a", "b") == "a/b"


def test_a_callback_gets_its_keyword_arguments():
    assert load_callback(looks, {"limit": 3})("1", "meta") == ("1", "meta", 3)


@pytest.mark.parametrize("callback", [lambda job_id, meta: True, "no function", "module.function"])
def test_a_callback_without_a_name_is_refused(callback):
    with pytest.raises(ValueError, match=r"give package\.module:function"):
        callback_path(callback)


@pytest.mark.parametrize("path", ["nowhere:function", "os:nothing"])
def test_a_callback_that_cannot_be_imported_says_where_it_was_looked_for(path):
    with pytest.raises(CallbackFailed, match="The triggerer of a deferred task does not see the DAG files"):
        load_callback(path, None)
