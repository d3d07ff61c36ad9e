"""Options that several commands share, and how times on the command line are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from core.model import LEVELS
from core.ports import system_clock

__all__ = ["INPUT", "MOMENT", "Moment", "formats", "home_option", "level_option", "rules_options"]

_F = TypeVar("_F", bound=Callable[..., Any])


class Moment(click.ParamType[int]):
    """A time as epoch ms: a date, a date and time (UTC unless it says), or an age such as 7d."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch milliseconds; a value that is none is wrong use."""
        if isinstance(value, int):
            return value
        if age := re.fullmatch(r"(\d{1,6})([smhdw])", value):
            return system_clock() - int(age[1]) * UNITS[age[2]]
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"'{value}' is not a time; write 2026-01-31, 2026-01-31T12:00Z or an age like 7d",
                param,
                ctx,
            )
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000)


def formats(*names: str) -> Callable[[_F], _F]:
    """--format, the first name being the default."""
    return click.option("--format", type=click.Choice(names), default=names[0], show_default=True)


def level_option(name: str, help: str) -> Callable[[_F], _F]:
    """An option whose value is one of Sigma's levels."""
    return click.option(name, type=click.Choice(LEVELS), default=None, help=help)


def rules_options(command: _F) -> _F:
    """--rules, repeatable, and --with-default."""
    rules = click.option(
        "--rules",
        multiple=True,
        type=click.Path(path_type=Path),
        help="Folder or file of rules, or a built rulebook, instead of the shipped rules.",
    )
    shipped = click.option("--with-default", is_flag=True, help="The shipped rules as well.")
    return rules(shipped(command))


def home_option(command: _F) -> _F:
    """--home: what is looked at, local state or a deployment."""
    return click.option(
        "--home",
        type=click.Path(path_type=Path),
        default=Path(".vigil"),
        envvar="VIGIL_HOME",
        show_default=True,
        show_envvar=True,
        help="Folder of local state; or a deployment: a file of `terraform output -json`.",
    )(command)


UNITS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}

INPUT = click.Path(path_type=Path)
MOMENT = Moment()
