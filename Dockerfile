# All images of docker-compose.yaml. Each pip layer comes before the sources that change more often.
# Pins: constraints/, the same files that `make environments` uses; they are there for Python 3.10, 3.11 and 3.12.
ARG BASE_IMAGE=python:3.11.16-slim-bookworm

FROM ${BASE_IMAGE} AS base
ENV LANG=C.UTF-8 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN groupadd --gid 10001 dfm && useradd --uid 10001 --gid 10001 --create-home dfm
WORKDIR /home/dfm

# The federation's client and its nodes: one and the same environment, without data.
FROM base AS federation-environment
ARG FEDERATION_REQUIREMENTS="nv-dfm-core nvflare pillow"
ARG FEDERATION_CONSTRAINTS=federation
COPY constraints/${FEDERATION_CONSTRAINTS}-*.txt /build/constraints/
RUN --mount=type=cache,target=/root/.cache/pip \
    python3 -m venv /opt/environments/federation \
    && /opt/environments/federation/bin/pip install \
        --constraint "/build/constraints/${FEDERATION_CONSTRAINTS}-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt" \
        ${FEDERATION_REQUIREMENTS}

# The FLARE server and the sites.
FROM federation-environment AS federation-node
COPY demo/federation/weather /opt/federation/weather
COPY compose/node_health.py /opt/compose/
# Files keep the modes of the clone, which a strict umask may have made for its owner alone.
RUN chmod -R a+rX /opt/federation /opt/compose
# nvflare forks beside gRPC's threads: see demo/flare_poc.py.
ENV PATH=/opt/environments/federation/bin:$PATH PYTHONPATH=/opt/federation GRPC_ENABLE_FORK_SUPPORT=false
USER dfm

# Runs once: makes secrets, startup kits and the sites' data. It alone has the package with the data of both sites.
FROM federation-environment AS setup
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/environments/federation/bin/pip install \
        --constraint "/build/constraints/federation-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt" \
        vega_datasets
COPY compose/setup.py demo/flare_poc_setup.py demo/federation/extract_data.py /opt/compose/
# A volume takes its owner from the folder that it is first mounted on.
RUN mkdir -p /setup && cd /setup && mkdir -m 0750 state database broker store airflow-init api-server scheduler \
        dag-processor triggerer worker flare-server seattle san-francisco seattle-data san-francisco-data \
    && chown -R dfm:dfm /setup \
    && chmod -R a+rX /opt/compose
USER dfm
CMD ["/opt/environments/federation/bin/python", "/opt/compose/setup.py"]

FROM base AS airflow
ENV AIRFLOW_HOME=/opt/airflow PATH=/opt/environments/airflow/bin:$PATH
COPY constraints/cluster-*.txt /build/constraints/
# The package without its modules: what it depends on is installed once for all its changes.
COPY pyproject.toml LICENSE /build/
COPY airflow_provider_dfm/__init__.py /build/airflow_provider_dfm/
RUN --mount=type=cache,target=/root/.cache/pip \
    touch /build/README.md \
    && python3 -m venv /opt/environments/airflow \
    && pins="/build/constraints/cluster-$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])').txt" \
    # pip's own environments for building know no pins.
    && /opt/environments/airflow/bin/pip install --constraint "$pins" hatchling \
    && /opt/environments/airflow/bin/pip install --constraint "$pins" --no-build-isolation "/build[s3,cluster]"
COPY --from=federation-environment /opt/environments/federation /opt/environments/federation
COPY airflow_provider_dfm /build/airflow_provider_dfm
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/environments/airflow/bin/pip install --no-deps --no-build-isolation --force-reinstall /build
ARG FEDERATION_FOLDER=demo/federation
COPY ${FEDERATION_FOLDER} /opt/federation
ARG DAGS=dags/weather_*
COPY ${DAGS} /opt/airflow/dags/
COPY compose/airflow_health.py compose/airflow_init.py compose/startup_kits.py compose/store.py \
    compose/connections.json /opt/compose/
RUN mkdir -p /opt/airflow/logs && chown -R dfm:dfm /opt/airflow && chmod -R a+rX /opt/federation /opt/compose
USER dfm
