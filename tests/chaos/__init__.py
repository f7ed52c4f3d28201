"""The kill matrix: every process that a pipeline's task needs is killed at every step of the task's way,
and many waiting tasks are ended at once.

``python -m tests.chaos --kills 200 --table docs/kill-matrix.md``, or ``make chaos``.
"""
