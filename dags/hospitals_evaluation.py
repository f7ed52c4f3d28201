"""Evaluates a model of hospitals_training on patients that no hospital trained on.

Beside it, by the same training: a model of all hospitals' patients together, and one of each hospital's alone. The
run fails where the federated model is more than two points of accuracy below the one of all patients together.
"""

from __future__ import annotations

from airflow.sdk import DAG, Asset, ObjectStoragePath, Param, task
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_dfm.operators.flare import FlareDownloadResultOperator

MODEL = Asset("hospitals_model")
TOLERANCE = 0.02

with DAG(
    "hospitals_evaluation",
    schedule=None,
    # hospitals_training triggers it.
    is_paused_upon_creation=False,
    default_args={"dfm_conn_id": "hospitals"},
    params={
        "job_id": Param(
            "", type="string", title="Job id", description="Of a training; empty: of the latest that has succeeded."
        ),
    },
    tags=["federation"],
    doc_md=__doc__,
) as evaluation:

    @task(inlets=[MODEL])
    def find_job(params: dict | None = None, inlet_events=None) -> str:
        """The job that the form names, or that of the latest training that has succeeded."""
        if params["job_id"]:
            return params["job_id"]
        trainings = inlet_events[MODEL]
        if not trainings:
            raise AirflowFailException("No training has succeeded yet: run hospitals_training, or name a job's id.")
        return trainings[-1].source_task_instance.xcom_pull()

    download = FlareDownloadResultOperator(task_id="download", job_id=find_job(), paths=["workspace/**"])

    @task
    def evaluate(download: dict) -> dict:
        """Measure the models on the patients that were held out; gives loss and accuracy of each."""
        from hospital_data import split, together
        from hospital_model import quality, trained_alone
        from hospital_results import read_arguments, read_model

        tree = ObjectStoragePath(download["uri"])
        arguments = read_arguments(tree)
        # In earnest, nobody could look at all sites' patients.
        sites, held_out = split()
        models = {"federated": read_model(tree), "pooled": trained_alone(*together(sites), **arguments)}
        models |= {f"{site} alone": trained_alone(*patients, **arguments) for site, patients in sites.items()}
        return {name: quality(model, *held_out) for name, model in models.items()}

    @task
    def draw(download: dict) -> str:
        """Draw what the hospitals reported in each round, into a file beside the job's; gives its URI."""
        from hospital_results import read_metrics
        from matplotlib.figure import Figure

        tree = ObjectStoragePath(download["uri"])
        reported = read_metrics(tree)
        rounds = range(1, len(reported) + 1)
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        for axes, metric in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
            for number, site in enumerate(name for name in reported[0] if name != "all"):
                colour = f"C{number}"
                before = [sites[site][metric] for sites in reported]
                after = [sites[site][f"{metric}_after_training"] for sites in reported]
                axes.plot(rounds, before, colour, label=site)
                axes.plot(rounds, after, colour, linestyle=":", label=f"{site}, after its training")
            axes.set_xlabel("round")
            axes.set_ylabel(metric)
            axes.xaxis.get_major_locator().set_params(integer=True)
        axes.legend(fontsize="small")
        figure.suptitle("The federated model at each hospital, on the patients it trains on")
        plot = tree.parent / "training.png"
        with plot.open("wb") as file:
            figure.savefig(file, format="png", dpi=120)
        return str(plot)

    @task
    def compare(quality: dict) -> str:
        """Print a table of the models; fail where the federation is not as good as all patients together."""
        lines = [f"{'model':<12} {'accuracy':>8} {'loss':>7}"]
        lines += [f"{name:<12} {100 * row['accuracy']:>6.1f} % {row['loss']:>7.4f}" for name, row in quality.items()]
        table = "\n".join(lines)
        print(table)
        if quality["federated"]["accuracy"] < quality["pooled"]["accuracy"] - TOLERANCE:
            raise AirflowFailException(
                f"The federated model is more than {TOLERANCE:.0%} below the pooled one:\n{table}"
            )
        return table

    compare(evaluate(download.output))
    draw(download.output)
