"""The DFM federation ``weather``: hourly temperatures that never leave their site."""
