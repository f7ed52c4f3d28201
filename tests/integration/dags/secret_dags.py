"""A task that writes into its log what nobody should read there."""

from __future__ import annotations

import logging

from airflow.sdk import DAG, task

from airflow_provider_dfm.hooks.dfm import DfmHook

with DAG("shows_its_kit", schedule=None):

    @task
    def show(connection):
        hook = DfmHook(connection)
        kit = hook.settings.startup_kit_secret.get_secret_value()
        print("the kit is", kit)
        logging.getLogger(__name__).info("the extra is %s", hook.get_connection(connection).extra)
        print("the test says", *hook.test_connection())

    show.expand(connection=["sealed", "sealed_before"])
