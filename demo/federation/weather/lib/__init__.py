"""The adapters of the federation ``weather``."""

from .climate import Climate, Months
from .compare import Compare
from .draw import Draw
from .statistics import Statistics

__all__ = ["Climate", "Compare", "Draw", "Months", "Statistics"]
