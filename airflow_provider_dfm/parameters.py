"""``python -m airflow_provider_dfm.parameters``: writes the JSON schema of a pipeline's parameter sets to a file.

It is for :func:`airflow_provider_dfm.params.dfm_params`, and kept beside the DAG file::

    python -m airflow_provider_dfm.parameters --conn-id weather pipelines:compare dags/compare.parameters.json

Nothing is submitted, and nobody logs in: the federation's package and interpreter are enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from airflow_provider_dfm.federation.errors import FederationError
from airflow_provider_dfm.federation.whole_files import whole_file
from airflow_provider_dfm.hooks.dfm import DEFAULT_CONNECTION, DfmHook


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the schema.

    :param arguments: the command line's.
    :return: the process's exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_dfm.parameters", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--conn-id", default=DEFAULT_CONNECTION, help="the Airflow connection; default: %(default)s")
    parser.add_argument(
        "--arguments", type=json.loads, help='arguments of the pipeline function, as JSON: \'{"site": "seattle"}\''
    )
    parser.add_argument("pipeline", help="package.module:function, or path or URI of a pipeline's file")
    parser.add_argument("file", type=Path, help="what to write to; on an error it is left as it is")
    given = parser.parse_args(arguments)
    try:
        schema = DfmHook(given.conn_id).parameter_schema(given.pipeline, given.arguments)
    except FederationError as error:
        print(error, file=sys.stderr)
        return 1
    # Airflow's log goes to the standard output, so a file of its own.
    with whole_file(given.file) as file:
        file.write(json.dumps(schema, indent=2).encode() + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
