from __future__ import annotations

from types import SimpleNamespace

import pytest

from airflow_provider_dfm.hooks.task_identity import (
    STATE_KEY,
    current_cycle,
    forget_former_jobs,
    give_up,
    task_identity,
)


class Store(dict):
    """Stands in for Airflow's store of a task's state."""

    def set(self, key, value, *, retention=None):
        self[key] = value


def context(store, try_number=1, max_tries=2, retries=2, **changes):
    # Airflow gives a task instance another id at each try.
    names = {"dag_id": "d", "run_id": "r", "task_id": "t", "map_index": -1, "id": f"instance 1, try {try_number}"}
    ti = names | changes
    task = SimpleNamespace(retries=retries)
    return {
        "ti": SimpleNamespace(try_number=try_number, max_tries=max_tries, task=task, **ti),
        "task_state_store": store,
    }


def test_a_retry_has_the_same_identity():
    store = Store()
    first = task_identity(context(store), "c")
    assert task_identity(context(store, try_number=2), "c") == first
    assert first.former == ()


def test_a_cleared_task_has_another_and_knows_its_former_one():
    store = Store()
    first = task_identity(context(store), "c")
    # Airflow: the tries so far and the retries.
    cleared = task_identity(context(store, try_number=2, max_tries=3), "c")
    assert cleared.job != first.job
    assert cleared.former == (first.job,)
    forget_former_jobs(context(store))
    again = task_identity(context(store, try_number=3, max_tries=3), "c")
    assert (again.job, again.former) == (cleared.job, ())


def test_a_try_that_dies_before_it_has_dealt_with_the_former_jobs_leaves_them_to_the_next():
    store = Store()
    first = task_identity(context(store), "c")
    cleared = task_identity(context(store, try_number=2, max_tries=3), "c")
    assert task_identity(context(store, try_number=3, max_tries=3), "c").former == (first.job,)
    give_up(context(store), "lost")
    assert task_identity(context(store, try_number=4, max_tries=5), "c").former == (first.job, cleared.job)


@pytest.mark.parametrize("deleted_at", [1, 2])
@pytest.mark.parametrize("max_tries", [2, 3])
def test_an_instance_that_was_deleted_and_made_again_has_another_and_knows_its_former_one(deleted_at, max_tries):
    store = Store()
    for number in range(1, deleted_at + 1):
        first = task_identity(context(store, number, max_tries), "c")
        forget_former_jobs(context(store))
    made_again = task_identity(context(store, id="instance 2, try 1"), "c")
    assert made_again.job not in (first.job, task_identity(context(Store()), "c").job)
    assert made_again.former == (first.job,)
    forget_former_jobs(context(store))
    retried = task_identity(context(store, try_number=2, id="instance 2, try 2"), "c")
    assert (retried.job, retried.former) == (made_again.job, ())
    cleared = task_identity(context(store, try_number=3, max_tries=4, id="instance 2, try 3"), "c")
    assert cleared.job not in (first.job, made_again.job)
    assert cleared.former == (made_again.job,)


def test_a_try_that_is_taken_up_again_has_the_same():
    """A task that was stuck in the queue, say: Airflow leaves its number and its id as they are."""
    store = Store()
    first = task_identity(context(store, try_number=2), "c")
    assert task_identity(context(store, try_number=2), "c") == first


def test_a_try_after_an_orphan_was_reset_has_the_same():
    """Airflow gives it another id and the next number, as after a failure, though nothing was noted of some tries."""
    store = Store()
    first = task_identity(context(store), "c")
    assert task_identity(context(store, try_number=3), "c") == first


def test_what_an_earlier_version_noted_is_still_the_same_try():
    store = Store()
    first = task_identity(context(store), "c")
    del store[STATE_KEY]["ti_id"]
    assert task_identity(context(store, id="unknown"), "c") == first


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


NOTED = {"ti_id": "1", "try_number": 1, "max_tries": 2, "cycle": 1}


@pytest.mark.parametrize(
    ("noted", "ti_id", "try_number", "max_tries", "retries", "cycle"),
    [
        ({}, "1", 1, 2, 2, 1),
        ({}, "2", 2, 2, 2, 2),  # the first try died before it noted anything
        (NOTED, "2", 2, 2, 2, 1),  # retried
        (NOTED, "2", 2, 2, 5, 1),  # retried, after somebody changed retries in the DAG
        (NOTED, "1", 1, 2, 2, 1),  # the same try, taken up again
        (NOTED, "2", 2, 3, 2, 2),  # cleared
        (NOTED, "2", 2, 1, 0, 2),  # cleared, with fewer retries
        (NOTED, "2", 2, 2, 1, 2),  # cleared, with retries that give the old figure
        (NOTED, "2", 1, 2, 2, 2),  # deleted, and made again
        (NOTED | {"try_number": 5, "cycle": 4}, "2", 1, 2, 2, 5),  # deleted after it had been cleared
    ],
)
def test_a_retry_is_told_from_a_beginning(noted, ti_id, try_number, max_tries, retries, cycle):
    assert current_cycle(noted, ti_id, try_number, max_tries, retries) == cycle
