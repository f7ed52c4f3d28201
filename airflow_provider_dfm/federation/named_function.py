"""Functions that are named in a DAG and called in the federation's interpreter."""

from __future__ import annotations

import re

_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_function(text: str) -> bool:
    """Whether this is ``"package.module:function"``."""
    return _FUNCTION.fullmatch(text) is not None
