"""What has to be known to open a session with a federation."""

from __future__ import annotations

import json
import re
import sys
import warnings
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from airflow_provider_dfm.federation.errors import ConnectionSettingsError
from airflow_provider_dfm.federation.fixed_locations import fixed_location, fixed_path

# Fields by the names that they had, and have.
FORMER_NAMES = {"startup_kit_content": "startup_kit_secret"}
FORMER_PICKLES = "allow_pickles"
UNSET_FLAGS = ("", "none", "false", "no", "off", "0")
# airflow/_shared/secrets_masker/secrets_masker.py
MASK = "***"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def _trimmed(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _word(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("this should be a number, not true or false")
    return _trimmed(value)


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("there is a control character in it, such as the end of a line")
    return value


def _secret(value: Any) -> Any:
    if isinstance(value, str) and value.strip() == MASK:
        raise ValueError(f"{MASK} is what Airflow shows in the place of the content; give the content itself")
    return _trimmed(value)


def _python(value: str) -> str:
    # A bare name is looked up on the path for programs.
    return fixed_path(value) if "/" in value or value.startswith("~") else value


def _folders(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except RecursionError:
            raise ValueError("this is nested too deep for a list of folders") from None
    return tuple(part.strip() for part in value.replace("\n", ":").split(":") if part.strip())


def _fixed_paths(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fixed_path(path.strip()) for path in value)


# Text comes from forms, URIs and environment variables, for the other types too.
Text = Annotated[str, BeforeValidator(_trimmed), AfterValidator(_one_line)]
Flag = Annotated[bool, BeforeValidator(_word)]
Location = Annotated[Text, AfterValidator(lambda value: fixed_location(value) if value else value)]


class ConnectionSettings(BaseModel):
    """One federation, as one user sees it. Paths are absolute, or below ``~``.

    :param user: the FLARE user the startup kit was made for; needed by the target ``flare``.
    :param startup_kit: folder, zip or tar of the user's startup kit: the one that holds ``startup/`` and
        ``local/``.
    :param startup_kit_secret: the kit as a base64 zip, instead of ``startup_kit``.
    :param python: the interpreter of the federation's own environment (nvflare and nv_dfm_core of the
        federation's versions), a path or the name of a program; default: the interpreter that runs this.
    :param python_path: folders put first on that interpreter's path, as a list or separated by ``:``.
    :param federation: the federation's Python package (DFM only).
    :param homesite: the federation's home site (DFM only).
    :param target: ``flare`` for the real federation, ``local`` to run all sites in the session host.
    :param secure_mode: False for an insecure FLARE session.
    :param connect_timeout: seconds to wait for the log-in, up to a day; default 30.
    :param results_path: folder or URI that keeps the results of jobs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    user: Text = ""
    startup_kit: Annotated[Location, AfterValidator(lambda value: value.removeprefix("file://"))] = ""
    startup_kit_secret: Annotated[SecretStr, BeforeValidator(_secret)] = SecretStr("")
    python: Annotated[Text, AfterValidator(_python)] = sys.executable
    python_path: Annotated[tuple[Text, ...], BeforeValidator(_folders), AfterValidator(_fixed_paths)] = ()
    federation: Text = ""
    homesite: Text = ""
    target: Annotated[Literal["flare", "local"], BeforeValidator(_word)] = "flare"
    secure_mode: Flag = True
    connect_timeout: Annotated[float, BeforeValidator(_number)] = Field(default=30.0, gt=0, le=86400)
    results_path: Location = ""

    @model_validator(mode="before")
    @classmethod
    def _take_former_names(cls, given: Any, info: ValidationInfo) -> Any:
        return _with_new_names(given, info.context) if isinstance(given, dict) else given

    @model_validator(mode="after")
    def _check_together(self) -> ConnectionSettings:
        if bool(self.federation) != bool(self.homesite):
            raise ValueError("federation and homesite belong together: set both, or none for plain FLARE")
        if self.target == "local" and not self.federation:
            raise ValueError("the target local needs federation and homesite")
        if self.target == "flare":
            if not self.user:
                raise ValueError("the target flare needs the FLARE user: the connection's login")
            if bool(self.startup_kit) == bool(self.startup_kit_secret.get_secret_value()):
                raise ValueError("the target flare needs one of startup_kit and startup_kit_secret")
        return self


def read_settings(fields: Mapping[str, Any], source: str) -> ConnectionSettings:
    """Check the fields of a connection.

    :param fields: name to value; blank text, empty lists and None count as not set.
    :param source: where they come from, for the message: ``"connection weather"``.
    :raises ConnectionSettingsError: names each wrong field, and never shows a value.
    """
    given = {name: value for name, value in fields.items() if not _is_unset(value)}
    try:
        return ConnectionSettings.model_validate(given, context=source)
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_input=False, include_url=False):
            name = ".".join(str(part) for part in fault["loc"])
            if fault["type"] == "extra_forbidden":
                known = ", ".join(ConnectionSettings.model_fields)
                faults.append(f"{name}: there is no such field (known: {known})")
            else:
                message = fault["msg"].removeprefix("Value error, ")
                faults.append(f"{name}: {message}" if name else message)
        raise ConnectionSettingsError(f"{source}: {'; '.join(faults)}") from None


def _is_unset(value: Any) -> bool:
    return not value.strip() if isinstance(value, str) else value in (None, [], ())


def _with_new_names(given: dict[str, Any], source: str | None) -> dict[str, Any]:
    fields = dict(given)
    # Airflow's form stored False where nobody had asked for it.
    if str(fields.pop(FORMER_PICKLES, False)).strip().lower() not in UNSET_FLAGS:
        warnings.warn(
            f"{source or 'The settings'}: the field {FORMER_PICKLES} has no effect any more, as the sites make all "
            "results plain, and pickles are never read. Remove it.",
            FutureWarning,
            stacklevel=3,
        )
    for former, name in FORMER_NAMES.items():
        if former not in fields:
            continue
        content = fields.pop(former)
        # Airflow's form, which has the new one only, may leave both.
        fields.setdefault(name, content)
        warnings.warn(
            f"{source or 'The settings'}: the field {former} is now called {name}. Rename it, or remove it where both "
            f"are set: what is in it can be read through Airflow's REST API under the former name, and is hidden there "
            "under the new one.",
            FutureWarning,
            stacklevel=3,
        )
    return fields
