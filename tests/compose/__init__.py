"""Starts the cluster of docker-compose.yaml and tries it: ``make compose-check``."""
