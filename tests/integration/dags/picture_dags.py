"""An array that one site makes and cuts and another draws, and a later task that has both, as a user would write it."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_dfm.hooks.dfm import DfmHook

WAYS = {"local": ("local", False), "deferred": ("flare", True)}

for way, (connection, deferrable) in WAYS.items():
    with DAG(f"picture_{way}", schedule=None, start_date=pendulum.datetime(2010, 1, 1, tz="UTC")):

        @task.dfm_pipeline(
            dfm_conn_id=connection,
            deferrable=deferrable,
            poll_interval=0.5,
            input_params=[{"rows": 5}, {"rows": 3}],
        )
        def picture(first, last):
            from nv_dfm_core.api import Pipeline, PlaceParam, Yield
            from trials.fed.api.trial import Cut, Draw, Grid

            with Pipeline(name="picture") as pipeline:
                grid = Grid(site="seattle", rows=PlaceParam(place="rows"))
                cut = Cut(site="seattle", grid=grid, first=first, last=last)
                Yield(value=cut, place="cut")
                Yield(value=Draw(site="san_francisco", grid=cut), place="image")
            return pipeline

        @task
        def look(job_id, conn_id):
            hook = DfmHook(conn_id)
            images, sums = [], []
            for result in hook.results(job_id):
                if result.place == "cut":
                    sums.append(float(result.array().sum()))
                else:
                    image = hook.results_path / job_id / f"{result.parameter_set}.png"
                    image.write_bytes(result.content())
                    images.append(str(image))
            return {"sums": sums, "images": images}

        look(picture(1, 3), connection)
