"""The DFM federation ``trials``: operations that fail, wait or return odd values, for tests."""
