"""What a rule says about itself: names, level, log source, ATT&CK, verbs and examples.

Every fault is collected with its line and, where something looks misspelt, the nearest right name.
It knows nothing of how a rule matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from core.actions import CATALOGUE
from core.attack import attacks
from core.errors import BadRule
from core.model import LEVELS, NativeRecord, Rule, digest, to_json
from core.ports import Source
from core.rulebook import CATEGORIES, covers
from core.sigma.document import Node, near

__all__ = [
    "NEEDS",
    "Example",
    "Reading",
    "described",
    "examples",
    "provider",
    "rule",
    "unknown_source",
    "unknown_taxonomy",
    "unsaid",
]


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A record on which the rule must fire, or must not; of a correlation, several together."""

    name: str
    fires: bool
    event: NativeRecord = {}
    """Of a rule; {} in an example of a correlation."""
    events: tuple[NativeRecord, ...] = ()
    """Of a correlation; () in an example of any other rule."""


class Reading:
    """One document being read: its nodes, and the faults and doubts found so far."""

    def __init__(self, document: Node, file: str) -> None:
        self.nodes, self.document, self.file = document.map, document, file
        self.faults: list[BadRule] = []
        self.doubts: list[BadRule] = []

    def fault(self, line: int, reason: str, hint: str = "") -> None:
        """Remember a fault; reading goes on so that the author sees all at once."""
        self.faults.append(BadRule(reason, file=self.file, line=line, hint=hint))

    def doubt(self, line: int, reason: str, hint: str = "") -> None:
        """Remember what is odd and can be honoured, or left, all the same."""
        self.doubts.append(BadRule(reason, file=self.file, line=line, hint=hint))

    def text(self, key: str) -> str:
        """The key as text; "" when it is absent."""
        node = self.nodes.get(key)
        if node is None or node.value is None:
            return ""
        if not node.is_scalar:
            self.fault(node.line, f"'{key}' must be plain text")
        return node.text

    def texts(self, key: str) -> tuple[str, ...]:
        """The key as a list of texts; one alone counts as a list of one."""
        node = self.nodes.get(key)
        found = node.list if node is not None else []
        for one in found:
            if not one.is_scalar or one.value is None:
                self.fault(one.line, f"'{key}' must be a list of plain texts")
        return tuple(one.text for one in found)

    def one_of(self, key: str, choices: Iterable[str]) -> str:
        """The key as one of the choices; "" when it is absent."""
        value, known = self.text(key).lower(), tuple(choices)
        if value and value not in known:
            self._unknown(self.nodes[key].line, key, value, known)
            return ""
        return value

    def some_of(self, key: str, choices: Iterable[str]) -> tuple[str, ...]:
        """The key as a list of the choices."""
        node, known = self.nodes.get(key), tuple(choices)
        for one in node.list if node is not None else []:
            if one.is_scalar and one.text not in known:
                self._unknown(one.line, key, one.text, known)
        return self.texts(key)

    def _unknown(self, line: int, key: str, value: str, known: tuple[str, ...]) -> None:
        hint = near(value, known) or f"one of {', '.join(known)}"
        self.fault(line, f"unknown {key} '{value}'", hint)


def rule(reading: Reading) -> Rule:
    """The Rule of a document. What can't be honoured is among `reading.faults` afterwards."""
    return described(reading, _source(reading))


def described(reading: Reading, source: str = "") -> Rule:
    """The same for a document without a logsource of its own: a correlation."""
    hint = "" if "title" in reading.nodes else near("title", reading.nodes)
    title = reading.text("title") or reading.text("name") or reading.text("id")
    if not title or hint:
        reading.fault(reading.document.line, "a rule needs a title", hint)
    version = reading.text("sigma-version").partition(".")[0]
    if version.isdecimal() and (len(version) > 4 or int(version) > NEWEST):
        line = reading.nodes["sigma-version"].line
        reading.fault(line, f"the rule is written for Sigma {version[:9]}, and this reads {NEWEST}")
    tags = reading.texts("tags")
    level: Any = reading.one_of("level", LEVELS) or "medium"
    return Rule(
        id=reading.text("id") or reading.text("name") or _content_id(reading),
        title=title,
        level=level,
        status=reading.one_of("status", _STATUSES),
        description=reading.text("description").strip(),
        author=reading.text("author"),
        references=reading.texts("references"),
        falsepositives=reading.texts("falsepositives"),
        attacks=attacks(tags),
        tags=tags,
        source=source,
        needs=reading.some_of("needs", NEEDS),
        respond=reading.some_of("respond", CATALOGUE),
        file=reading.file,
    )


def provider(reading: Reading) -> str:
    """The cloud that a category rule is limited to; "" for all."""
    logsource = _logsource(reading)
    return logsource.get("product", "") if _is_neutral(logsource) else ""


def examples(reading: Reading, *, together: bool = False) -> tuple[Example, ...]:
    """The `tests` of a rule; those of a correlation show several events `together`.

    The key is free for any use: somebody else's tests are a doubt.
    """
    node = reading.nodes.get("tests")
    if node is None or node.value is None:
        return ()
    if _is_foreign(node):
        reading.doubt(node.line, "its tests are not run: they are no list of {name, fires, event}")
        return ()
    key = "events" if together else "event"
    return tuple(found for one in node.list if (found := _example(reading, one, key)))


def unknown_source(reading: Reading, source: str, sources: Iterable[Source]) -> BadRule | None:
    """A warning, with the nearest known name, when no source delivers what the rule reads."""
    every = tuple(sources)
    known = [name for source in every for name in (source.name, *source.also)]
    known += CATEGORIES if any(source.neutral is not None for source in every) else ()
    node = reading.nodes.get("logsource")
    if not known or not source or node is None or any(covers(source, name) for name in known):
        return None
    return BadRule(
        f"no source delivers logsource '{source}': the rule stays silent",
        file=reading.file,
        line=node.line,
        hint=near(source, known),
    )


def unknown_taxonomy(reading: Reading) -> BadRule | None:
    """A warning when a rule's names are of a taxonomy that nobody here translates."""
    node = reading.nodes.get("taxonomy")
    if node is None or not node.is_scalar or node.text.lower() in ("", "sigma"):
        return None
    return BadRule(
        f"taxonomy '{node.text}' is not known: its fields are looked for as they are written",
        file=reading.file,
        line=node.line,
    )


def unsaid(reading: Reading) -> Iterator[BadRule]:
    """A warning for each thing that a rule must say, does not, and can be honoured without."""
    for key, instead in _UNSAID.items():
        if key not in reading.nodes or reading.nodes[key].value in (None, {}):
            yield BadRule(
                f"the rule has no {key}: {instead}",
                file=reading.file,
                line=reading.document.line,
            )


def _content_id(reading: Reading) -> str:
    return digest(to_json(reading.document.plain()).decode())


def _logsource(reading: Reading) -> Mapping[str, str]:
    node = reading.nodes.get("logsource")
    if node is None:
        return {}
    return {
        key: one.text.lower()
        for key, one in node.map.items()
        if key in _LOGSOURCE and one.is_scalar and one.value is not None
    }


def _is_neutral(logsource: Mapping[str, str]) -> bool:
    return "category" in logsource and "service" not in logsource


def _source(reading: Reading) -> str:
    node, logsource = reading.nodes.get("logsource"), _logsource(reading)
    if node is None or node.value in (None, {}):
        if node is None and (hint := near("logsource", reading.nodes)):
            reading.fault(reading.document.line, "a rule needs a logsource", hint)
        return ""
    for key, line in node.lines.items():
        if key not in _LOGSOURCE and (hint := near(key, _LOGSOURCE)):
            reading.fault(line, f"unknown key '{key}' of logsource", hint)
    if not logsource:
        reading.fault(node.line, "logsource needs a product, service or category")
    category, product = logsource.get("category", ""), logsource.get("product", "*")
    if _is_neutral(logsource):
        return category if category in _NEUTRAL else f"{product}/{category}"
    return f"{product}/{logsource.get('service', '*')}"


def _is_foreign(tests: Node) -> bool:
    """Has nothing there a key of an example of ours?"""
    return not any(key in one.map for one in tests.list for key in ("name", "fires", *_EVENTS))


def _example(reading: Reading, node: Node, key: str) -> Example | None:
    parts = {name: one.plain() for name, one in node.map.items()}
    match parts:
        case {"name": str(name), "fires": bool(fires), "event": dict(event)} if (
            len(parts) == 3 and key == "event"
        ):
            return Example(name=name, fires=fires, event=event)
        case {"name": str(name), "fires": bool(fires), "events": [*events]} if (
            len(parts) == 3 and key == "events" and all(isinstance(one, dict) for one in events)
        ):
            return Example(name=name, fires=fires, events=tuple(events))
    known = ("name", "fires", key)
    wrong = next((one for one in parts if one not in known), "")
    record = "record" if key == "event" else "[record, ...]"
    reason = f"an example is {{name: text, fires: true or false, {key}: {record}}}"
    reading.fault(node.line, reason, near(wrong, known) if wrong else "")
    return None


NEEDS: Mapping[str, str] = {
    "read": "AWS's read-only management events, which EventBridge leaves out unless told otherwise",
    "data": "records of the data itself: AWS's data events, Azure's resource logs, Google's Data"
    " Access audit logs",
    "premium": "Entra's sign-in logs, risk detections and alerts of Privileged Identity"
    " Management, which take a licence of P1 or P2",
    "workspace": "Google Workspace's logs, which it shares with Google Cloud only when told to",
}
"""What a rule may say in `needs`: telemetry that is off by default."""

NEWEST = 2
"""Version of Sigma: what a later one means by the same words can't be known."""

_EVENTS = ("event", "events")

_UNSAID: Mapping[str, str] = {
    "title": "its name or id stands for it",
    "logsource": "it is asked about every record",
}

_LOGSOURCE = ("category", "product", "service", "definition")

_STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")

_NEUTRAL = frozenset({"posture", *CATEGORIES})
"""Categories whose records come from every cloud, told apart by their provider."""
