"""Trails: the verb that turns audit logging back on, with the scope it should have.

State: {"logging", "multi_region", "global_events", "log_validation": bool, "selectors": [...],
"advanced": [...]}; a trail has selectors of one of the two kinds. Its bucket and KMS key are not
in it: what they had been is not known here, and a wrong one would end the logging for good. A trail
that was deleted can't be made again for the same reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.errors import NotFound
from core.model import State, Target
from functions.aws.actions.lens import Clients, Document, Lens, arg, there
from functions.aws.adapters import calling

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient

__all__ = ["RESTORE_AUDIT_LOGGING"]

MAX_SELECTORS = 5
"""Basic event selectors that a trail may have."""

LOUD = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
"""What a trail may leave out for its cost alone; basic selectors know no others."""


def _read_trail(clients: Clients, target: Target) -> State:
    trail, client = _trail(clients, target)
    with calling():
        status = client.get_trail_status(Name=trail["TrailARN"])
        chosen = client.get_event_selectors(TrailName=trail["TrailARN"])
    advanced = _trimmed(chosen.get("AdvancedEventSelectors", ()))
    return {
        "logging": status["IsLogging"],
        "multi_region": trail.get("IsMultiRegionTrail", False),
        "global_events": trail.get("IncludeGlobalServiceEvents", False),
        "log_validation": trail.get("LogFileValidationEnabled", False),
        "selectors": _filled(chosen.get("EventSelectors") or ([] if advanced else [{}])),
        "advanced": advanced,
    }


def _want_trail(target: Target, before: State, at: int) -> State:
    state = there(before)
    flags = ("logging", "multi_region", "global_events", "log_validation")
    if state["advanced"]:
        wanted = {"advanced": _advanced(state["advanced"])}
    else:
        wanted = {"selectors": _basic(state["selectors"])}
    return {**state, **dict.fromkeys(flags, True), **wanted}


def _filled(selectors: Iterable[Any]) -> list[Document]:
    """Basic selectors with every part, absent ones as what they mean: all management events."""
    return [
        {
            "ReadWriteType": each.get("ReadWriteType", "All"),
            "IncludeManagementEvents": each.get("IncludeManagementEvents", True),
            "DataResources": [dict(item) for item in each.get("DataResources", ())],
            "ExcludeManagementEventSources": list(each.get("ExcludeManagementEventSources", ())),
        }
        for each in selectors
    ]


def _trimmed(selectors: Iterable[Any]) -> list[Document]:
    """Advanced selectors without the operators that list nothing."""
    return [
        {
            "Name": each.get("Name", ""),
            "FieldSelectors": [
                {name: value for name, value in field.items() if value}
                for field in each["FieldSelectors"]
            ],
        }
        for each in selectors
    ]


def _basic(selectors: Sequence[Document]) -> list[Document]:
    """The selectors with one that takes all management events; those for data stay as they are."""
    if any(
        each["IncludeManagementEvents"] and each["ReadWriteType"] == "All" for each in selectors
    ):
        return list(selectors)
    kept = [each for each in selectors if each["DataResources"]]
    if len(kept) == MAX_SELECTORS:
        widened = {"ReadWriteType": "All", "IncludeManagementEvents": True}
        return [*kept[:-1], {**kept[-1], **widened}]
    return [*kept, *_filled([{}])]


def _advanced(selectors: Sequence[Document]) -> list[Document]:
    """The same for advanced selectors: any that narrows the management events gives way."""
    if any(map(_takes_all, selectors)):
        return list(selectors)
    kept = [each for each in selectors if MANAGEMENT not in each["FieldSelectors"]]
    return [*kept, {"Name": "All management events", "FieldSelectors": [MANAGEMENT]}]


def _takes_all(selector: Document) -> bool:
    fields = selector["FieldSelectors"]
    return MANAGEMENT in fields and all(
        field["Field"] == "eventSource"
        and field.keys() == {"Field", "NotEquals"}
        and LOUD.issuperset(field["NotEquals"])
        for field in fields
        if field != MANAGEMENT
    )


def _write_trail(clients: Clients, target: Target, old: State, new: State) -> None:
    """Logging first: should a later call fail, something is logged at least."""
    before, after = there(old), there(new)
    trail, client = _trail(clients, target)
    name = trail["TrailARN"]
    with calling():
        if after["logging"] and not before["logging"]:
            client.start_logging(Name=name)
        if any(before[key] != after[key] for key in SETTINGS):
            client.update_trail(
                Name=name,
                IsMultiRegionTrail=after["multi_region"],
                IncludeGlobalServiceEvents=after["global_events"],
                EnableLogFileValidation=after["log_validation"],
            )
        if after["advanced"] and before["advanced"] != after["advanced"]:
            client.put_event_selectors(TrailName=name, AdvancedEventSelectors=after["advanced"])
        elif before["selectors"] != after["selectors"]:
            client.put_event_selectors(TrailName=name, EventSelectors=after["selectors"])
        if before["logging"] and not after["logging"]:
            client.stop_logging(Name=name)


def _trail(clients: Clients, target: Target) -> tuple[Any, CloudTrailClient]:
    """The trail, and a client in its home region: elsewhere a trail can be seen, not changed."""
    name = arg(target, "trail")
    region = name.split(":")[3] if name.startswith("arn:") else target.region
    client: CloudTrailClient = clients("cloudtrail", region, target.account)
    with calling():
        found = client.describe_trails(trailNameList=[name])["trailList"]
    if not found:
        raise NotFound(f"trail {name} does not exist; what it had been is not known here")
    home = found[0].get("HomeRegion", region)
    if home != region:
        client = clients("cloudtrail", home, target.account)
    return found[0], client


SETTINGS = ("multi_region", "global_events", "log_validation")

MANAGEMENT: Mapping[str, Any] = {"Field": "eventCategory", "Equals": ["Management"]}

RESTORE_AUDIT_LOGGING = Lens(_read_trail, _want_trail, _write_trail)
