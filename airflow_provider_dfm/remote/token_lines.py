"""Tokens as lines of text, in messages and in files. This module travels with each job, too."""

from __future__ import annotations

import json
from typing import Any

# The tag of a value that its site has made plain; its version is that of the forms, see plain_values.py.
PLAIN = "airflow_provider_dfm.plain.1"


def token_line(token: Any) -> str:
    """A token as a line without its end.

    :param token: a DFM ``TokenPackage``. Where its tag is :data:`PLAIN`, its value is a list of the plain form as
        JSON, and a dict of the files that belong to it, name to size; these have a place of their own in the line, so
        that nobody needs to read a value to know them.
    """
    tag, value = token.tagged_data
    if tag != PLAIN:
        return json.dumps(token.model_dump(mode="json"))
    text, files = value
    rest = json.dumps(token.model_dump(mode="json", exclude={"tagged_data"}))
    return f'{rest[:-1]}, "files": {json.dumps(files)}, "tagged_data": ["{PLAIN}", {text}]}}'
