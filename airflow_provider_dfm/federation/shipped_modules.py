"""The modules of ``remote/`` that are sent to where they run, by their names: nothing is installed there."""

from __future__ import annotations

# Each after those that it imports.
HOST_MODULES = (
    "failures",
    "library_version",
    "certificates",
    "kit_check",
    "failed_login",
    "time_limit",
    "file_names",
    "foreign_text",
    "job_aborts",
    "flare_session",
    "job_logs",
    "named_function",
    "job_source",
    "meta_file",
    "operation_schema",
    "federation_api",
    "parameter_schema",
    "iso_dates",
    "parameter_places",
    "canonical_form",
    "preparation_order",
    "statement_checks",
    "open_sites",
    "ready_pipeline",
    "discovery",
    "function_source",
    "pipeline_source",
    "bound_pipeline",
    "module_package",
    "message_seal",
    "json_text",
    "token_lines",
    "incoming_tokens",
    "job_parts",
    "flare_job",
    "line_file",
    "sent_sets",
    "value_store",
    "token_store",
    "runner_words",
    "local_jobs",
    "dfm_session",
    "session",
)
# Those that make a value plain at its site.
PLAIN_MODULES = (
    "plain_arrays",
    "plain_arrow",
    "plain_columns",
    "plain_datasets",
    "plain_images",
    "plain_pandas",
    "plain_part",
    "plain_polars",
    "plain_records",
    "plain_texts",
    "plain_values",
)
# Those that have to do with what is yielded, wherever a site's part runs.
YIELD_MODULES = (*PLAIN_MODULES, "foreign_text", "json_text", "plain_tokens", "token_lines", "value_store")
# Those that travel with each job.
JOB_MODULES = (
    *YIELD_MODULES,
    "job_components",
    "authenticated_peers",
    "frame_feeder",
    "incoming_messages",
    "incoming_tokens",
    "incoming_values",
    "job_parts",
    "line_file",
    "message_seal",
    "outbox",
    "pipeline_executor",
    "sent_sets",
    "site_failure",
    "token_routes",
    "token_store",
    "value_sender",
    "wind_down",
)
# Those that the site processes of the local target import.
SITE_MODULES = (*YIELD_MODULES, "runner_words", "wind_down", "local_site")
