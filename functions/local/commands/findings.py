"""`vigil findings`: what was found, as local state or a deployment has it."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from core import ocsf
from core.alert import together
from core.model import LEVELS, Finding, Level
from functions.local import home as state
from functions.local.commands.options import formats, home_option, level_option
from functions.local.terminal import STYLES, iso, line, say, styled, table

__all__ = ["findings"]


@click.command("list")
@home_option
@formats("table", "json")
@level_option("--level", help="This level and above.")
def list_(home: Path, format: str, level: Level | None) -> None:
    """List findings in order of time; json is OCSF, one a line."""
    least = LEVELS.index(level) if level else 0
    with state.opened(home) as opened:
        found = [one for one in state.findings(opened) if LEVELS.index(one.level) >= least]
    if format == "json":
        for one in found:
            line(ocsf.finding(one))
    elif found:
        table(COLUMNS, map(_row, found))
    say(f"{len(found)} findings")


@click.command()
@click.argument("uid")
@home_option
@formats("table", "json")
def show(uid: str, home: Path, format: str) -> None:
    """Show one finding with its evidence. The beginning of its uid is enough."""
    with state.opened(home) as opened:
        one = state.one_finding(opened, uid)
    if format == "json":
        line(ocsf.finding(one))
        return
    table((("Field", "left"), ("Value", "fold")), _facts(one))
    for event in one.evidence:
        text = msgspec.json.format(msgspec.json.encode(event.record), indent=2).decode()
        for each in ("", f"Evidence: {event.operation} {event.uid}", *text.splitlines()):
            click.echo(styled(each).plain)


def _facts(one: Finding) -> list[tuple[object, ...]]:
    facts = {
        "Title": one.title,
        "Time": iso(one.time),
        **together(one),
        "Status": one.status,
        "Rule": one.rule.id,
        "Account": " ".join(filter(None, (one.provider, one.account, one.region))),
        "Actor": one.actor.uid or one.actor.name,
        "From": one.ip,
        "Resources": ", ".join(item.uid for item in one.resources),
        "ATT&CK": ", ".join(
            dict.fromkeys(attack.technique for attack in one.rule.attacks if attack.technique)
        ),
        "Would help": ", ".join(one.rule.respond),
        "What it means": one.rule.description,
    }
    level = ("Level", styled(one.level, STYLES[one.level]))
    return [("Finding", one.uid), level, *((name, text) for name, text in facts.items() if text)]


def _headline(one: Finding) -> str:
    """The title; of a correlation with what its events have in common, and how many they were."""
    facts = together(one)
    if not facts:
        return one.title
    return f"{one.title}\n{', '.join(filter(None, (facts['Group'], facts['Events'] + ' events')))}"


def _row(one: Finding) -> tuple[object, ...]:
    return (
        styled(one.level, STYLES[one.level]),
        iso(one.time) or "",
        styled(_headline(one), "bold"),
        one.actor.name or one.actor.uid,
        one.status,
        one.uid[:12],
    )


COLUMNS = (
    ("Level", "left"),
    ("Time", "left"),
    ("Finding", "fold"),
    ("Actor", "fold"),
    ("Status", "left"),
    ("Uid", "left"),
)

findings = click.Group(
    "findings",
    help="What was found.",
    commands={"list": list_, "show": show},
)
