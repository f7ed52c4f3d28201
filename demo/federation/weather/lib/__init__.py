"""The adapters of the federation ``weather``."""

from .compare import Compare
from .statistics import Statistics

__all__ = ["Compare", "Statistics"]
