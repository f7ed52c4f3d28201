"""The federation session, usable with and without Airflow.

from airflow_provider_dfm.federation.session import FederationSession
from airflow_provider_dfm.federation.settings import ConnectionSettings
"""
