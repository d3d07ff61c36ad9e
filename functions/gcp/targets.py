"""What a verb on Google Cloud would act on: from a log entry, or a resource of a sweep, to Targets.

The file knows no SDK and no policy: it says what could be changed, never whether it should be.

A failed call gave nothing, so there is nothing to take back: created keys, grants, ingress,
storage and audit logs have no target then. The caller is real all the same: their service account
and its key remain targets. Users, federated identities and Google's own service agents have no
sessions that Vigil could end (docs/decisions/0091-what-the-verbs-of-google-cloud-change.md).

Names in entries have the project as its id, as its number or as `-`. The project that owns the
entry owns the resource, so for the last two its id is put there: an API that is asked with it
finds nothing of another project.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from core.model import Event, Json, Target, digest
from core.native import dig, first, text

__all__ = ["TARGETS", "targets"]


def targets(kind: str, event: Event) -> tuple[Target, ...]:
    """What a verb of this target kind (core.actions) would act on; () where there is nothing."""
    readers = POSTURE if event.source == "posture" else TARGETS
    reader = readers.get(kind)
    return tuple(reader(event)) if reader else ()


def _access_key(event: Event) -> Iterator[Target]:
    """The key that the call made, else the key that the caller used."""
    made = _method(event) in KEY_MAKERS and event.outcome != "failure"
    name = first(event.record, "protoPayload.response.name") if made else event.actor.credential
    yield from _key(event, _named(event, name.removeprefix(IAM)))


def _key(event: Event, key: str) -> Iterator[Target]:
    if match := re.fullmatch(r"(projects/[^/]+/serviceAccounts/([^/]+))/keys/[^/]+", key):
        yield _target("access_key", f"{IAM}{key}", event, key=key, principal=_member(match[2]))


def _session(event: Event) -> Iterator[Target]:
    """The service account that made the call, if it is one that a project keeps."""
    email = event.actor.name
    project = _project_of(event, email)
    if project:
        name = f"projects/{project}/serviceAccounts/{email}"
        uid, principal = f"{IAM}{name}", _member(email)
        yield _target("session", uid, event, service_account=name, principal=principal)


def _project_of(event: Event, email: str) -> str:
    """The project that keeps a service account; "" for anybody else and for Google's own agents.

    https://cloud.google.com/iam/docs/service-account-types. `example.com:p` has its domain behind:
    `name@p.example.com.iam.gserviceaccount.com`.
    """
    if match := re.fullmatch(r"[0-9]+-compute@developer\.gserviceaccount\.com", email):
        return event.account
    if match := re.fullmatch(r"([a-z][-a-z0-9]+)@appspot\.gserviceaccount\.com", email):
        return match[1]
    match = re.fullmatch(r"([^@]+)@([^@]+)\.iam\.gserviceaccount\.com", email)
    if not match or re.match(r"service-[0-9]+$", match[1]) or match[2].startswith("gcp-sa-"):
        return ""
    project, _, domain = match[2].partition(".")
    return f"{domain}:{project}" if domain else project


def _grant(event: Event) -> Iterator[Target]:
    """Each member that the call added to a role; a policy without deltas doesn't say which."""
    resource = _resource(event)
    if event.outcome == "failure" or not GRANTABLE.match(resource):
        return
    for delta in _deltas(event, "bindingDeltas"):
        role, member = first(delta, "role"), first(delta, "member")
        if first(delta, "action") != "ADD" or not role or not member:
            continue
        condition = {
            name: value for name in CONDITION if (value := first(delta, f"condition.{name}"))
        }
        under = f"#{digest(*sorted(condition.values()))[:8]}" if condition else ""
        yield _target(
            "grant",
            f"{resource}#{role}#{member}{under}",
            event,
            resource=resource,
            role=role,
            member=member,
            principal=member,
            **({"condition": condition} if condition else {}),
        )


def _ingress(event: Event) -> Iterator[Target]:
    """The VPC firewall rule that was made or changed; which ranges are open is for the verb."""
    name = _named(event, first(event.record, "protoPayload.resourceName"))
    changed = event.outcome != "failure" and FIREWALL_CHANGE.search(event.operation)
    if changed and re.fullmatch(r"projects/[^/]+/global/firewalls/[^/]+", name):
        yield _target("ingress", f"{COMPUTE}{name}", event, firewall=name)


def _storage(event: Event) -> Iterator[Target]:
    """The bucket whose policy or settings the call changed."""
    name = first(event.record, "protoPayload.resourceName")
    match = re.fullmatch(r"projects/_/buckets/([^/]+)", name)
    if match and event.outcome != "failure" and _method(event) in BUCKET_OPENERS:
        yield _target("storage", f"//storage.googleapis.com/{name}", event, bucket=match[1])


def _audit_log(event: Event) -> Iterator[Target]:
    """The sink or the exclusion that the call changed, or what it took from an audit config."""
    if event.outcome == "failure":
        return
    method, record = _method(event), event.record
    if method in SINK_CHANGERS:
        sink = _named(event, first(record, "protoPayload.resourceName"))
        if re.fullmatch(r"[a-z]+/[^/]+/sinks/[^/]+", sink, re.IGNORECASE):
            yield _target("audit_log", f"{LOGGING}{sink}", event, sink=sink)
    elif method in EXCLUSION_MAKERS:
        exclusion = _exclusion(event)
        if exclusion:
            yield _target("audit_log", f"{LOGGING}{exclusion}", event, exclusion=exclusion)
    elif (resource := _resource(event)).startswith(HIERARCHY):
        yield from _audit_config(event, resource)


def _exclusion(event: Event) -> str:
    """The exclusion's full name; one that is made may be named by its parent and its own name."""
    name = first(event.record, "protoPayload.resourceName")
    if "/exclusions/" not in name:
        own = first(event.record, "protoPayload.request.exclusion.name")
        name = f"{name}/exclusions/{own.rpartition('/')[2]}" if name and own else ""
    name = _named(event, name)
    return name if re.fullmatch(r"[a-z]+/[^/]+/exclusions/[^/]+", name, re.IGNORECASE) else ""


def _audit_config(event: Event, resource: str) -> Iterator[Target]:
    """Logs that are no longer written, and members whose doings no longer are."""
    logged, exempted = [], []
    for delta in _deltas(event, "auditConfigDeltas"):
        action, member = first(delta, "action"), first(delta, "exemptedMember")
        service, kind = first(delta, "service"), first(delta, "logType")
        if not service or not kind:
            continue
        if action == "REMOVE" and not member:
            logged.append(f"{service}/{kind}")
        elif action == "ADD" and member:
            exempted.append(f"{service}/{kind}/{member}")
    if logged or exempted:
        yield _target(
            "audit_log",
            f"{resource}#auditConfigs",
            event,
            resource=resource,
            logged=sorted(set(logged)),
            exempted=sorted(set(exempted)),
        )


def _swept_key(event: Event) -> Iterator[Target]:
    yield from _key(event, first(event.record, "id").removeprefix(IAM))


def _swept_rule(event: Event) -> Iterator[Target]:
    name = first(event.record, "id").removeprefix(COMPUTE)
    allows = first(event.record, "attributes.action") == "allow"
    if allows and first(event.record, "attributes.direction") == "ingress":
        yield _target("ingress", f"{COMPUTE}{name}", event, firewall=name)


def _swept_bucket(event: Event) -> Iterator[Target]:
    uid = first(event.record, "id")
    yield _target("storage", uid, event, bucket=uid.rpartition("/")[2])


def _swept_sink(event: Event) -> Iterator[Target]:
    name = first(event.record, "id").removeprefix(LOGGING)
    yield _target("audit_log", f"{LOGGING}{name}", event, sink=name)


def _swept(
    resource: str, reader: Callable[[Event], Iterator[Target]]
) -> Callable[[Event], Iterator[Target]]:
    """The reader, for resources of this type that have an id."""
    return lambda event: (
        reader(event)
        if event.record.get("resource_type") == resource and first(event.record, "id")
        else iter(())
    )


def _deltas(event: Event, which: str) -> Iterator[Json]:
    """What changed in a policy: older services say it in serviceData, newer ones in metadata."""
    for place in ("serviceData", "metadata"):
        for delta in dig(event.record, f"protoPayload.{place}.policyDelta.{which}"):
            if isinstance(delta, Mapping):
                yield delta


def _resource(event: Event) -> str:
    """The full name of what the call was about, `//service/name`."""
    name = _named(event, first(event.record, "protoPayload.resourceName"))
    return f"//{event.service}/{name}" if name and not name.startswith("//") else name


def _named(event: Event, name: str) -> str:
    """The name with its project's id instead of number or `-`; buckets' `_` stays."""
    return re.sub(r"^projects/(?:[0-9]+|-)(?=/|$)", lambda _: f"projects/{event.account}", name)


def _target(kind: str, uid: str, event: Event, *, principal: str = "", **args: Any) -> Target:
    return Target(
        kind=kind,
        uid=uid,
        provider="gcp",
        account=_account(uid) or event.account,
        region=event.region,
        args=args,
        principal=principal,
    )


def _account(uid: str) -> str:
    """The project's id, `folders/1` or `organizations/1` that a full name starts with."""
    match = re.match(r"//[^/]+/(projects|folders|organizations)/([^/#]+)", uid)
    if not match or match[2] == "_":
        return ""
    return match[2] if match[1] == "projects" else f"{match[1]}/{match[2]}"


def _member(email: str) -> str:
    """A service account as IAM's policies name it; "" for one named by number."""
    return f"serviceAccount:{email}" if "@" in email else ""


def _method(event: Event) -> str:
    """The method without its package, in lower case: versions and packages come and go."""
    return text(event.operation).rpartition(".")[2].casefold()


IAM = "//iam.googleapis.com/"
COMPUTE = "//compute.googleapis.com/"
LOGGING = "//logging.googleapis.com/"
HIERARCHY = "//cloudresourcemanager.googleapis.com/"

KEY_MAKERS = frozenset({"createserviceaccountkey", "uploadserviceaccountkey"})
SINK_CHANGERS = frozenset({"updatesink", "deletesink"})
EXCLUSION_MAKERS = frozenset({"createexclusion", "updateexclusion"})
BUCKET_OPENERS = frozenset({"setiampermissions", "create", "insert", "update", "patch"})

FIREWALL_CHANGE = re.compile(r"\bfirewalls\.(insert|patch|update)$", re.IGNORECASE)

CONDITION = ("title", "description", "expression", "location")

GRANTABLE = re.compile(
    r"//cloudresourcemanager\.googleapis\.com/(projects|folders|organizations)/[^/]+$"
    r"|//storage\.googleapis\.com/projects/_/buckets/[^/]+$"
    r"|//iam\.googleapis\.com/projects/[^/]+/serviceAccounts/[^/]+$"
    r"|//pubsub\.googleapis\.com/projects/[^/]+/(topics|subscriptions)/[^/]+$"
    r"|//run\.googleapis\.com/projects/[^/]+/locations/[^/]+/services/[^/]+$"
    r"|//secretmanager\.googleapis\.com/projects/[^/]+/secrets/[^/]+$"
)
"""Resources whose policy the verb can change; a test holds this against its table."""

TARGETS: Mapping[str, Callable[[Event], Iterator[Target]]] = {
    "access_key": _access_key,
    "session": _session,
    "grant": _grant,
    "ingress": _ingress,
    "storage": _storage,
    "audit_log": _audit_log,
}
"""Target kind -> its reader of audit log entries."""

POSTURE: Mapping[str, Callable[[Event], Iterator[Target]]] = {
    "access_key": _swept("access_key", _swept_key),
    "ingress": _swept("firewall_rule", _swept_rule),
    "storage": _swept("storage_bucket", _swept_bucket),
    "audit_log": _swept("audit_log", _swept_sink),
}
"""Target kind -> its reader of resources of a sweep; kinds that no resource shows are absent."""
