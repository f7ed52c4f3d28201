from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_dfm.hooks.task_identity import current_cycle, give_up, task_identity


class Store(dict):
    """Stands in for Airflow's store of a task's state."""

    def set(self, key, value, *, retention=None):
        self[key] = value


def context(store, try_number=1, max_tries=2, retries=2, **changes):
    ti = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1} | changes
    task = SimpleNamespace(retries=retries)
    return {
        "ti": SimpleNamespace(try_number=try_number, max_tries=max_tries, task=task, **ti),
        "task_state_store": store,
    }


def test_a_retry_has_the_same_identity():
    store = Store()
    first = task_identity(context(store), "c")
    assert task_identity(context(store, try_number=2), "c") == first
    assert first.former is None


def test_a_cleared_task_has_another_and_knows_its_former_one():
    store = Store()
    first = task_identity(context(store), "c")
    # Airflow: the tries so far and the retries.
    cleared = task_identity(context(store, try_number=2, max_tries=3), "c")
    assert cleared.job != first.job
    assert cleared.former == first.job
    again = task_identity(context(store, try_number=3, max_tries=3), "c")
    assert (again.job, again.former) == (cleared.job, None)


def test_the_same_dag_in_another_airflow_has_another():
    assert task_identity(context(Store()), "c").job != task_identity(context(Store()), "c").job


@pytest.mark.parametrize("changes", [{"dag_id": "e"}, {"run_id": "s"}, {"task_id": "u"}, {"map_index": 0}])
def test_what_differs_in_a_name_has_another(changes):
    store = Store()
    assert task_identity(context(store, **changes), "c").job != task_identity(context(store), "c").job
    assert task_identity(context(store), "d").job != task_identity(context(store), "c").job


def test_a_job_that_was_given_up_is_remembered():
    store = Store()
    task_identity(context(store), "c")
    give_up(context(store), "lost")
    assert task_identity(context(store, try_number=2), "c").given_up == ("lost",)


NOTED = {"try_number": 1, "max_tries": 2, "cycle": 1}


@pytest.mark.parametrize(
    ("noted", "try_number", "max_tries", "retries", "cycle"),
    [
        ({}, 1, 2, 2, 1),
        ({}, 2, 2, 2, 2),  # the first try died before it noted anything
        (NOTED, 2, 2, 2, 1),  # retried
        (NOTED, 2, 2, 5, 1),  # retried, after somebody changed retries in the DAG
        (NOTED, 1, 2, 2, 1),  # the same try, taken up again
        (NOTED, 2, 3, 2, 2),  # cleared
        (NOTED, 2, 1, 0, 2),  # cleared, with fewer retries
        (NOTED, 2, 2, 1, 2),  # cleared, with retries that give the old figure
    ],
)
def test_a_retry_is_told_from_a_clear(noted, try_number, max_tries, retries, cycle):
    assert current_cycle(noted, try_number, max_tries, retries) == cycle
