from __future__ import annotations

import logging

import pytest

from airflow_provider_dfm.federation.job_logs import (
    LEFT_OUT,
    LogEnd,
    error_lines,
    in_one_line,
    last_error,
    shortened,
    shown,
    with_levels,
)

FAILED = """\
2026-11-24 18:33:40,916 - ClientRunner - ERROR - [identity=seattle, run=1] - RuntimeError from executor Work: \
RuntimeError: no data here: Aborting the job!
2026-11-24 18:33:40,918 - ClientRunner - ERROR - Traceback (most recent call last):
  File "client_runner.py", line 313, in _do_process_task
    reply = executor.execute(task.name, task.data, fl_ctx, abort_signal)
            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
RuntimeError: no data here

2026-11-24 18:33:40,929 - ClientRunner - INFO - [identity=seattle, run=1] - start to send task result to server
"""


def log(first, last):
    return "".join(f"line {number}\n" for number in range(first, last + 1))


def follow(end, full_text, ended=False):
    """Ask for the log's end as a follower does, of what the log holds."""
    for asked in LogEnd.ASKED:
        new = end.new("".join(full_text.splitlines(keepends=True)[-asked:]), asked, ended)
        if new is not None:
            return new
    raise AssertionError("not even the last look gave something")


def test_a_young_log_is_shown_whole_and_then_what_is_new():
    end = LogEnd()
    assert follow(end, log(1, 2)) == ["line 1", "line 2"]
    assert follow(end, log(1, 2)) == []
    assert follow(end, log(1, 7)) == [f"line {number}" for number in range(3, 8)]


def test_of_a_log_that_was_there_before_the_end_is_shown():
    assert follow(LogEnd(), log(1, 500)) == [LEFT_OUT, *(f"line {number}" for number in range(451, 501))]


def test_of_a_log_that_was_empty_before_all_is_shown():
    end = LogEnd()
    assert follow(end, "") == []
    assert follow(end, log(1, 300)) == [f"line {number}" for number in range(1, 301)]


@pytest.mark.parametrize("new", [47, 48, 397, 398, 3197])
def test_more_is_asked_for_until_what_was_seen_is_in_it(new):
    end = LogEnd()
    follow(end, log(1, 10))
    assert follow(end, log(1, 10 + new)) == [f"line {number}" for number in range(11, 11 + new)]


def test_of_too_many_new_lines_some_are_left_out_and_that_is_said():
    end = LogEnd()
    follow(end, log(1, 10))
    assert follow(end, log(1, 5000)) == [LEFT_OUT, *(f"line {number}" for number in range(1801, 5001))]
    assert follow(end, log(1, 5001)) == ["line 5001"]


def test_a_log_that_begins_anew_is_shown_from_its_beginning():
    end = LogEnd()
    follow(end, log(1, 30))
    assert follow(end, log(100, 105)) == [LEFT_OUT, *(f"line {number}" for number in range(100, 106))]


def test_a_last_line_without_its_end_is_held_back_until_nothing_comes_after_it():
    end = LogEnd()
    assert follow(end, "one\ntw") == ["one"]
    assert follow(end, "one\ntwo\nthr") == ["two"]
    assert follow(end, "one\ntwo\nthree", ended=True) == ["three"]


def test_lines_that_repeat_are_not_shown_twice():
    end = LogEnd()
    follow(end, "a\nb\nb\nb\n")
    assert follow(end, "a\nb\nb\nb\n") == []
    assert follow(end, "a\nb\nb\nb\nc\n") == ["c"]


def test_a_line_has_the_level_that_it_names_and_a_traceback_that_of_its_record():
    levels = [level for level, _ in with_levels(FAILED.splitlines())]
    assert levels == [logging.ERROR] * 7 + [logging.INFO]
    assert list(with_levels(["no record"])) == [(logging.INFO, "no record")]


def test_the_errors_of_a_log_come_with_their_tracebacks():
    assert error_lines(FAILED) == FAILED.splitlines()[:-1]
    assert last_error(error_lines(FAILED)) == "RuntimeError: no data here"


def test_an_error_without_a_traceback_is_told_without_time_and_identity():
    assert last_error(FAILED.splitlines()[:1]) == (
        "RuntimeError from executor Work: RuntimeError: no data here: Aborting the job!"
    )
    assert last_error([]) == ""


def test_what_others_wrote_can_neither_paint_nor_flood_a_log():
    assert shown("\x1b[31mred\tand\r") == "\N{REPLACEMENT CHARACTER}[31mred\tand\N{REPLACEMENT CHARACTER}"
    assert len(shown("x" * 400, 300)) == 300


def test_of_a_long_line_the_beginning_and_the_end_are_shown():
    """nvflare puts the cause last."""
    line = 'Unable to build component: class "' + "x" * 400 + '" is not in allow_list'
    assert shown(line, 100).startswith("Unable to build component")
    assert shown(line, 100).endswith('" is not in allow_list')
    assert in_one_line("first\n" + "x" * 400 + "\nlast", 100).endswith("last")
    assert shortened("first\n" + "x" * 400 + "\nlast", 100).endswith("last")


CHAIN = """\
2026-11-24 18:33:40,918 - runner - ERROR - Traceback (most recent call last):
  File "a.py", line 1, in a
ModuleNotFoundError: No module named 'torch'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 1, in b
ValueError: cannot build it

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "c.py", line 1, in c
RuntimeError: the job cannot start
"""


def test_an_error_that_another_one_led_to_names_the_first():
    expected = "RuntimeError: the job cannot start (caused by ModuleNotFoundError: No module named 'torch')"
    assert last_error(CHAIN.splitlines()) == expected
    assert last_error([*CHAIN.splitlines(), *FAILED.splitlines()[:1]]).endswith("Aborting the job!")
