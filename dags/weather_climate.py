"""Draws how warm it is at each hour of the day, month by month, at both sites: press Trigger and choose the months.

The pipeline is written here, with ``@task.dfm_pipeline``, and mapped: a job for each site, which averages its
measurements to an array of months by hours, and cuts out the months of the form. The FLARE server, which sees
averages only, draws it. A later task reads both by the job's id: the array as numpy has it, and the image.
"""

from __future__ import annotations

import calendar

from airflow.sdk import DAG, Param, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.hooks.dfm import DfmHook

SITES = ["seattle", "san_francisco"]

with DAG(
    "weather_climate",
    schedule=None,
    default_args={"dfm_conn_id": "weather", "retries": 1},
    params={
        "first": Param(1, type="integer", minimum=1, maximum=12, title="First month"),
        "last": Param(12, type="integer", minimum=1, maximum=12, title="Last month"),
    },
    tags=["federation"],
    doc_md=__doc__,
):

    @task
    def months(params: dict | None = None) -> dict[str, int]:
        """The parameter set: the months of the form, in their order."""
        if params["first"] > params["last"]:
            raise AirflowFailException(f"The first month, {params['first']}, is after the last, {params['last']}.")
        return {"first": params["first"], "last": params["last"]}

    @task.dfm_pipeline(deferrable=True, poll_interval=2, timeout=1800)
    def climate(site):
        """Runs in the federation's interpreter, which has DFM and the federation's package."""
        from nv_dfm_core.api import Pipeline, PlaceParam, Yield
        from weather.fed.api.temperature import Climate, Draw, Months

        with Pipeline(name=f"climate_{site}") as pipeline:
            year = Climate(site=site)
            chosen = Months(site=site, climate=year, first=PlaceParam(place="first"), last=PlaceParam(place="last"))
            Yield(value=chosen, place="temperatures")
            Yield(value=Draw(site="server", temperatures=chosen), place="picture")
        return pipeline

    @task
    def look(job_id: str, parameter_set: dict[str, int]) -> dict:
        """Keep the picture beside the job's results, and find the warmest hour of each month."""
        hook = DfmHook("weather")
        results = {result.place: result for result in hook.results(job_id)}
        picture = hook.results_path / job_id / "climate.png"
        picture.write_bytes(results["picture"].content())
        temperatures = results["temperatures"].array()
        warmest = {
            calendar.month_abbr[month]: f"{hours.argmax():02}:00, {hours.max():.1f} °C"
            for month, hours in enumerate(temperatures, parameter_set["first"])
        }
        print(f"{results['temperatures'].site}: {warmest}\n{picture}")
        return {"site": results["temperatures"].site, "warmest": warmest, "picture": str(picture)}

    parameter_set = months()
    job_ids = climate.override(input_params=parameter_set).expand(site=SITES)
    look.partial(parameter_set=parameter_set).expand(job_id=job_ids)
