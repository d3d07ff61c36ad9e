"""Settings of a deployment and the response policy, checked once, every fault reported at once.

Settings say where things are (environment variables, set by Terraform); the policy says what may
be done (a JSON document that an operator can change without a deploy, read afresh by every run of
the respond function). This file knows neither the clouds nor how either is fetched.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

from core.actions import CATALOGUE
from core.errors import BadConfig, Unavailable
from core.model import LEVELS, Level, digest, to_json

__all__ = [
    "Mode",
    "Policy",
    "VerbPolicy",
    "Webhook",
    "policy",
    "policy_now",
    "settings",
    "webhooks",
]

Mode = Literal["off", "rehearse", "approve", "auto"]
"""off: refused. rehearse: planned, never written. approve: held for a person. auto: run."""


class VerbPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one verb may do here."""

    mode: Mode = "off"
    min_level: Level = "high"
    """Findings below it never lead to this verb."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What Vigil may do in this deployment. The default may do nothing."""

    enabled: bool = True
    """The kill switch: false refuses every action, whatever else is said."""

    verbs: Mapping[str, VerbPolicy] = {}
    protected: tuple[str, ...] = ()
    """Globs over identities and resources that no action may touch: break-glass first of all."""

    own: tuple[str, ...] = ()
    """Globs over Vigil's own identities and resources; protected likewise."""

    accounts: tuple[str, ...] = ()
    """Accounts that may be acted in; empty: those that the deployment can reach."""

    max_actions_per_hour: int = 10
    """Over it the breaker trips: no action runs by itself until the hour has passed."""

    max_repeats_per_day: int = 2
    """The same verb on the same target: over it somebody is undoing us, and a person must look."""

    max_event_age_minutes: int = 60
    """Older events (replays, back-fills) are never acted on without a person."""

    experimental: bool = False
    """Whether rules of status `experimental` may lead to actions that run by themselves."""

    def digest(self) -> str:
        """Names this very policy in decisions."""
        return digest(to_json(self).decode())


class Webhook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One sink that needs no SDK (core.webhook)."""

    name: str
    kind: Literal["slack", "teams", "pagerduty", "webhook"]
    url: str = ""
    secret: str = ""
    """webhook: key of the HMAC signature. pagerduty: the integration's routing key."""
    min_level: Level = "medium"


def policy(document: bytes | str) -> Policy:
    """The policy in a JSON document. BadConfig lists every fault, with the nearest right name."""
    try:
        raw = msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise BadConfig([f"policy is not JSON: {error}"]) from error
    if not isinstance(raw, dict):
        raise BadConfig(["policy must be a JSON object"])
    faults = _struct_faults(raw, Policy, "policy")
    verbs = raw.get("verbs", {})
    if isinstance(verbs, dict):
        for name, entry in verbs.items():
            if name not in CATALOGUE:
                faults.append(f"policy.verbs: no verb {name!r}{_nearest(name, CATALOGUE)}")
            faults += _struct_faults(entry, VerbPolicy, f"policy.verbs.{name}")
    faults += [
        f"policy.{name}: must not be negative"
        for name in ("max_actions_per_hour", "max_repeats_per_day", "max_event_age_minutes")
        if isinstance(raw.get(name), int) and raw[name] < 0
    ]
    if faults:
        raise BadConfig(dict.fromkeys(faults))
    return msgspec.convert(raw, Policy)


def policy_now(read: Callable[[], bytes | str]) -> Callable[[], Policy]:
    """The policy as it reads at each call; Unavailable where the document is not one.

    An operator can mend it, so the action that asked waits on its queue and isn't lost.
    """

    def now() -> Policy:
        try:
            return policy(read())
        except BadConfig as error:
            raise Unavailable(f"the response policy can't be used: {error}") from error

    return now


def webhooks(document: bytes | str) -> tuple[Webhook, ...]:
    """The webhooks in a JSON list. BadConfig lists every fault."""
    try:
        raw = msgspec.json.decode(document)
    except msgspec.DecodeError as error:
        raise BadConfig([f"webhooks are not JSON: {error}"]) from error
    if not isinstance(raw, list):
        raise BadConfig(["webhooks must be a JSON list"])
    faults: list[str] = []
    seen: set[str] = set()
    for number, entry in enumerate(raw):
        here = f"webhooks[{number}]"
        faults += _struct_faults(entry, Webhook, here)
        if not isinstance(entry, dict):
            continue
        if entry.get("name") in seen:
            faults.append(f"{here}: a second webhook is named {entry['name']!r}")
        seen.add(str(entry.get("name")))
        faults += _webhook_faults(entry, here)
    if faults:
        raise BadConfig(dict.fromkeys(faults))
    return msgspec.convert(raw, tuple[Webhook, ...])


def settings(environ: Mapping[str, str], names: Mapping[str, str]) -> Mapping[str, str]:
    """The required settings by name. BadConfig names every one that is missing or blank.

    `names` maps each environment variable to a sentence that says what belongs there.
    """
    faults = [
        f"{name} is not set: {meaning}"
        for name, meaning in names.items()
        if not environ.get(name, "").strip()
    ]
    if faults:
        raise BadConfig(faults)
    return {name: environ[name].strip() for name in names}


def _webhook_faults(entry: Mapping[str, object], here: str) -> list[str]:
    kind, url = entry.get("kind"), str(entry.get("url") or "")
    faults = []
    if kind != "pagerduty" and not url:
        faults.append(f"{here}.url: is required for kind {kind!r}")
    loopback = url.startswith(("http://127.0.0.1:", "http://localhost:"))
    if url and not url.startswith("https://") and not loopback:
        faults.append(f"{here}.url: must begin with https://")
    if kind in ("pagerduty", "webhook") and not entry.get("secret"):
        faults.append(f"{here}.secret: is required for kind {kind!r}")
    return faults


def _struct_faults(raw: object, kind: type[msgspec.Struct], here: str) -> list[str]:
    """Each key's own fault; msgspec alone would stop at the first."""
    if not isinstance(raw, dict):
        return [f"{here}: must be an object"]
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    faults = [f"{here}: no setting {key!r}{_nearest(key, fields)}" for key in raw.keys() - fields]
    for name, field in fields.items():
        if name not in raw:
            if field.required:
                faults.append(f"{here}.{name}: is required")
            continue
        if name == "verbs":
            if not isinstance(raw[name], dict):
                faults.append(f"{here}.verbs: must be an object")
            continue
        try:
            msgspec.convert(raw[name], field.type)
        except msgspec.ValidationError as error:
            allowed = " (one of " + ", ".join(LEVELS) + ")" if field.type is Level else ""
            faults.append(f"{here}.{name}: {error}{allowed}")
    return sorted(faults)


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
