"""The hospitals' FLARE jobs, as functions that build them. Put this file's folder on ``python_path`` to use them."""

from __future__ import annotations

from pathlib import Path

import hospital_model
from nvflare.app_common.executors.client_api_executor import ClientAPIExecutor
from nvflare.app_common.np.np_model_persistor import NPModelPersistor
from nvflare.app_common.workflows.fedavg import FedAvg
from nvflare.client.config import ExchangeFormat
from nvflare.job_config.base_fed_job import BaseFedJob

FEATURES = 30
SITES = 3
SITE_SCRIPT = Path(__file__).with_name("hospital_training.py")


def training(learning_rate: float = 0.5, rounds: int = 10) -> BaseFedJob:
    """Build the job that trains a logistic regression by federated averaging.

    Its workspace ends with what FLARE writes: ``models/server.npy``, and ``metrics/round_metrics.jsonl``.

    :param learning_rate: of the gradient descent at the sites; above 0, up to 10
    :param rounds: how many times the sites train; from 1 to 100
    :return: the job
    :raises ValueError: if one of them is out of its range
    """
    if not 0 < learning_rate <= 10:
        raise ValueError(f"learning_rate is {learning_rate}: it must be above 0 and at most 10")
    if not 1 <= rounds <= 100:
        raise ValueError(f"rounds is {rounds}: it must be from 1 to 100")
    # Not NumpyFedAvgRecipe, which puts the script's path on this machine into the job.
    job = BaseFedJob(name="hospitals_training", min_clients=SITES)
    job.to_server(NPModelPersistor(model=hospital_model.untrained(FEATURES).tolist()), id="persistor")
    # The first round is for the statistics.
    job.to_server(FedAvg(num_clients=SITES, num_rounds=1 + rounds, persistor_id="persistor"))
    # How often a site asks for its next task; 2 s by default, longer than a round here takes.
    job.to_server({"server": {"task_request_interval": 0.5}})
    # For whoever reads the results: FLARE hands it back with them, and does nothing with it.
    job.to_server({"training": {"learning_rate": learning_rate, "rounds": rounds}})
    script = ClientAPIExecutor(
        execution_mode="in_process",
        task_script_path=SITE_SCRIPT.name,
        task_script_args=f"--learning_rate {learning_rate}",
        params_exchange_format=ExchangeFormat.NUMPY,
    )
    job.to_clients(script, tasks=["train"])
    job.to_clients(str(SITE_SCRIPT))
    return job
