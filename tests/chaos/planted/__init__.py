"""Modules planted in other processes: Airflow's, which find them in ``$AIRFLOW_HOME/config``, and the session host,
which finds them on the connection's ``python_path``."""
