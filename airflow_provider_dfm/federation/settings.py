"""What has to be known to open a session with a federation."""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from airflow_provider_dfm.federation.errors import ConnectionSettingsError

logger = logging.getLogger(__name__)


def _split_folders(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.replace("\n", ":").split(":") if part.strip())
    return value


class ConnectionSettings(BaseModel):
    """One federation, as one user sees it.

    :param user: the FLARE user the startup kit was made for; needed by the target ``flare``.
    :param startup_kit: folder, zip or tar of the user's startup kit: the one that holds ``startup/`` and
        ``local/``.
    :param startup_kit_content: the kit as a base64 zip, instead of ``startup_kit``.
    :param python: the interpreter of the federation's own environment (nvflare and nv_dfm_core of the
        federation's versions); default: the interpreter that runs this.
    :param python_path: folders put first on that interpreter's path, as a list or separated by ``:``.
    :param federation: the federation's Python package (DFM only).
    :param homesite: the federation's home site (DFM only).
    :param target: ``flare`` for the real federation, ``local`` to run all sites in the session host.
    :param secure_mode: False for an insecure FLARE session.
    :param connect_timeout: seconds to wait for the log-in; default 30.
    :param results_path: folder or URI that keeps the results of jobs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    user: str = ""
    startup_kit: str = ""
    startup_kit_content: SecretStr = SecretStr("")
    python: str = sys.executable
    python_path: Annotated[tuple[str, ...], BeforeValidator(_split_folders)] = ()
    federation: str = ""
    homesite: str = ""
    target: Literal["flare", "local"] = "flare"
    secure_mode: bool = True
    connect_timeout: float = Field(default=30.0, gt=0)
    results_path: str = ""

    @model_validator(mode="after")
    def _check_together(self) -> ConnectionSettings:
        if bool(self.federation) != bool(self.homesite):
            raise ValueError("federation and homesite belong together: set both, or none for plain FLARE")
        if self.target == "local" and not self.federation:
            raise ValueError("the target local needs federation and homesite")
        if self.target == "flare":
            if not self.user:
                raise ValueError("the target flare needs the FLARE user: the connection's login")
            if bool(self.startup_kit) == bool(self.startup_kit_content.get_secret_value()):
                raise ValueError("the target flare needs one of startup_kit and startup_kit_content")
        return self


def read_settings(fields: Mapping[str, Any], source: str) -> ConnectionSettings:
    """Check the fields of a connection.

    :param fields: name to value; empty strings and None count as not set.
    :param source: where they come from, for the message: ``"connection weather"``.
    :raises ConnectionSettingsError: names each wrong field, and never shows a value.
    """
    given = {name: value for name, value in fields.items() if value not in (None, "", [], ())}
    if given.pop("allow_pickles", None) is not None:
        logger.warning(
            "%s: allow_pickles has no effect any more, as the sites make all results plain, and pickles are never "
            "read. Remove it.",
            source,
        )
    try:
        return ConnectionSettings.model_validate(given)
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                known = ", ".join(ConnectionSettings.model_fields)
                faults.append(f"{name}: there is no such field (known: {known})")
            else:
                faults.append(f"{name}: {fault['msg']}" if name else fault["msg"])
        raise ConnectionSettingsError(f"{source}: {'; '.join(faults)}") from None
