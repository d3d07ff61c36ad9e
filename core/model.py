"""The nouns of Vigil, frozen: what is seen, what it means, what is done about it.

Read downward: Event -> Hit -> Finding -> Alert; Finding -> Action -> Decision -> Change; and the
Record that remembers each step. Nothing here does I/O, knows a cloud, or knows how rules match.
Times are epoch milliseconds in UTC, as OCSF has them. Ids are made from content by `digest`, so
the same input twice is the same finding, action and record. Values are msgspec Structs: `to_json`
and `from_json` are their only wire form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from core.hostile import whole_json

__all__ = [
    "LEVELS",
    "Action",
    "Actor",
    "Alert",
    "Attack",
    "Change",
    "Decision",
    "Event",
    "Finding",
    "Hit",
    "Json",
    "Level",
    "NativeRecord",
    "Outcome",
    "Record",
    "Rejected",
    "Resource",
    "Rule",
    "State",
    "Target",
    "Verdict",
    "digest",
    "from_json",
    "to_json",
]

Json: TypeAlias = Any
"""Anything that JSON can hold."""

NativeRecord: TypeAlias = Mapping[str, Any]
"""One log record as its cloud wrote it (or one resource of a sweep), decoded from JSON."""

State: TypeAlias = Mapping[str, Any] | None
"""What a verb may change on its target, as JSON; None when the thing itself is absent."""

Level = Literal["informational", "low", "medium", "high", "critical"]
"""Sigma's levels, weakest first."""

LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")

Outcome = Literal["success", "failure", "unknown"]
Verdict = Literal["run", "rehearse", "hold", "refuse"]
ActorType = Literal["user", "admin", "role", "service", "system", "unknown"]
Activity = Literal["create", "read", "update", "delete", "logon", "logoff", "other"]


class _Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Immutable, compared by content, keyword arguments only."""


class Actor(_Value, frozen=True, kw_only=True):
    """Who called: the identity as its cloud names it."""

    uid: str = ""
    name: str = ""
    type: ActorType = "unknown"
    account: str = ""
    credential: str = ""
    """Id of the key or session credential used (AWS: accessKeyId)."""
    issuer: str = ""
    """What issued the session: the role's ARN for an assumed role."""
    mfa: bool | None = None


class Resource(_Value, frozen=True, kw_only=True):
    """A thing that was touched. `uid` is the full name that its cloud gives it (an ARN, say)."""

    uid: str
    name: str = ""
    type: str = ""
    region: str = ""
    account: str = ""


class Event(_Value, frozen=True, kw_only=True):
    """One native record in neutral words; `record` keeps the native one whole."""

    uid: str
    time: int
    source: str
    """Sigma logsource as `product/service`: aws/cloudtrail; posture for a resource of a sweep."""
    provider: str
    account: str = ""
    region: str = ""
    service: str = ""
    operation: str = ""
    activity: Activity = "other"
    labels: tuple[str, ...] = ()
    """Operation classes (core.operations)."""
    authentication: bool = False
    """True when the record is a sign-in or token issue (OCSF class 3002), else API activity."""
    finding: bool = False
    """True when the record is another product's finding (OCSF class 2004)."""
    outcome: Outcome = "unknown"
    error: str = ""
    message: str = ""
    actor: Actor = Actor()
    ip: str = ""
    domain: str = ""
    user_agent: str = ""
    request: str = ""
    """The cloud's id of the request."""
    resources: tuple[Resource, ...] = ()
    record: NativeRecord = {}


class Attack(_Value, frozen=True, kw_only=True):
    """An ATT&CK mapping: tactic as its slug (`defense-impairment`), technique as T-number."""

    tactic: str = ""
    technique: str = ""


class Rule(_Value, frozen=True, kw_only=True):
    """What a rule says about itself; how it matches is core.rulebook's affair."""

    id: str
    title: str
    level: Level = "medium"
    status: str = ""
    description: str = ""
    author: str = ""
    references: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    attacks: tuple[Attack, ...] = ()
    tags: tuple[str, ...] = ()
    source: str = ""
    """Logsource it reads: `product/service`, `product/*`, `posture`, or "" for any."""
    needs: tuple[str, ...] = ()
    """Telemetry that is off by default, by the names of core.sigma.about.NEEDS: read, data, ..."""
    respond: tuple[str, ...] = ()
    """Verbs that would help. They run only where the deployment's policy says so."""
    file: str = ""
    """Where it was written, for messages."""


class Hit(_Value, frozen=True, kw_only=True):
    """A rule fired on an event."""

    rule: Rule
    event: Event


class Finding(_Value, frozen=True, kw_only=True):
    """What is wrong, once. The uid comes from rule and event (or rule and resource in a sweep), of
    a correlation from rule, group and the time at which it was first complete.
    """

    uid: str
    rule: Rule
    level: Level
    title: str
    time: int
    """Time of the event that opened it."""
    last_seen: int
    found_at: int
    provider: str
    account: str = ""
    region: str = ""
    actor: Actor = Actor()
    ip: str = ""
    resources: tuple[Resource, ...] = ()
    events: tuple[str, ...] = ()
    count: int = 1
    evidence: tuple[Event, ...] = ()
    status: Literal["new", "closed", "suppressed"] = "new"
    drill: bool = False
    group: Mapping[str, str] = {}
    """Of a correlation: what its events have in common, name as in group-by -> value."""
    began: int = 0
    """Of a correlation: time of the earliest event that contributed, 0 for any other rule."""
    capped: bool = False
    """More events came than are kept, so that `count` may be too small."""
    former: tuple[str, ...] = ()
    """uids that it had before late events moved its beginning or joined it to another."""


class Target(_Value, frozen=True, kw_only=True):
    """What a verb acts on. `kind` is one of core.actions; `args` is what its adapter needs."""

    kind: str
    uid: str
    """The cloud's full name of the thing, unique within its provider."""
    provider: str
    account: str = ""
    region: str = ""
    args: Mapping[str, Any] = {}
    principal: str = ""
    """The identity that the change would hit, if it hits one; guarded as such."""


class Action(_Value, frozen=True, kw_only=True):
    """An order to change something: verb on target because of a finding. Or its undo."""

    uid: str
    verb: str
    target: Target
    finding: str
    rule: str
    title: str
    level: Level
    event_time: int
    requested_at: int
    undoes: str = ""
    """uid of the action that this one takes back; empty for an ordinary action."""
    requested_by: str = ""
    """Who asked, for an undo; empty when a finding asked."""
    rule_status: str = ""
    drill: bool = False


class Decision(_Value, frozen=True, kw_only=True):
    """The guard's answer, with every reason, the policy it read and the time it was given."""

    action: str
    verdict: Verdict
    because: tuple[str, ...]
    policy: str
    """Digest of the policy that was in force."""
    at: int


class Change(_Value, frozen=True, kw_only=True):
    """What a verb did: the state before, the state wanted, and the state read back."""

    action: str
    before: State
    wanted: State
    after: State
    at: int


class Alert(_Value, frozen=True, kw_only=True):
    """A message for people. Same `key`, same alert: a sink that gets it twice shows it once."""

    key: str
    kind: Literal["finding", "approval", "change", "failure"]
    level: Level
    title: str
    text: str
    finding: Finding | None = None
    action: Action | None = None
    links: Mapping[str, str] = {}
    """Label -> URL, for instance the approval page."""
    facts: Mapping[str, str] = {}
    """Label -> value, shown as a table; plain text, escaped by each sink."""
    at: int = 0


class Record(_Value, frozen=True, kw_only=True):
    """One line of the audit journal. `hash` covers all else and the hash of the line before."""

    seq: int
    at: int
    kind: str
    """A past participle: found, told, proposed, decided, attempting, changed, failed, ..."""
    subject: str
    """uid of the finding or action it is about."""
    data: Mapping[str, Any]
    prev: str
    hash: str = ""


class Rejected(_Value, frozen=True, kw_only=True):
    """Input that was set aside. `place` says where it lay, `excerpt` is cut and printable."""

    reason: str
    place: str
    excerpt: str = ""


_V = TypeVar("_V")


def to_json(value: Any) -> bytes:
    """The value as compact JSON with keys in a fixed order."""
    try:
        return msgspec.json.encode(value, order="deterministic")
    except UnicodeEncodeError:  # half of a surrogate pair
        return whole_json(msgspec.to_builtins(value), ordered=True)


def from_json(data: bytes | str, kind: type[_V]) -> _V:
    """The value that `to_json` wrote; msgspec.ValidationError or DecodeError when it is not one."""
    return msgspec.json.decode(data, type=kind)


def digest(*parts: str) -> str:
    """A stable id from parts: 32 hex digits of SHA-256 over their unambiguous joining."""
    return hashlib.sha256(to_json(parts)).hexdigest()[:32]
