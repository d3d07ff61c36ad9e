"""The small Google Cloud with what a deployment of Vigil reads of it, and where it tells findings.

Lists give two things a page, so that whoever reads them has to turn one. Things under test are put
where the methods of google.py have them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from tests.gcp.fake.discovery import Asked
from tests.gcp.fake.google import Google, Refused

PAGE = 2

FILTER = re.compile(
    r'logName=\((?P<logs>.+)\) AND timestamp>="(?P<since>[^"]+)" AND timestamp<"(?P<until>[^"]+)"'
)


class Watched(Google):
    """`entries` are the log's, in order; `secrets` by full name; `used` by id of a key."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[dict[str, Any]] = []
        self.secrets: dict[str, str] = {}
        self.used: dict[str, str] = {}
        self.prevented = False
        self.filters: list[str] = []

    def answer(self, asked: Asked) -> Any:
        method = READS.get(asked.method.id)
        if method is None:
            return super().answer(asked)
        self.calls.append(asked.method.id)
        if asked.method.id in self.refuse:
            raise Refused(403, "PERMISSION_DENIED", f"{asked.method.id} denied")
        return method(self, asked)

    def within(self, start: str, *more: str) -> list[dict[str, Any]]:
        """Things directly under a name, in order."""
        return [
            thing
            for name, thing in sorted(self.things.items())
            if name.startswith(start) and "/" not in name.removeprefix(start)
        ]


def page(asked: Asked, things: Iterable[Any], items: str, token: Any = None) -> Any:
    start = int(asked.query.get("pageToken") or token or 0)
    every = list(things)
    answer: dict[str, Any] = {items: every[start : start + PAGE]}
    if start + PAGE < len(every):
        answer["nextPageToken"] = str(start + PAGE)
    return {name: value for name, value in answer.items() if value}


def _secret(google: Watched, asked: Asked) -> Any:
    name = asked.path["name"].removesuffix("/versions/latest")
    if name not in google.secrets:
        raise Refused(404, "NOT_FOUND", f"{name} was not found")
    data = base64.b64encode(google.secrets[name].encode()).decode()
    return {"name": f"{name}/versions/1", "payload": {"data": data}}


def _entries(google: Watched, asked: Asked) -> Any:
    """Entries that the filter lets through: of these logs, within these times. Others it can't."""
    google.filters.append(asked.body["filter"])
    said = FILTER.fullmatch(asked.body["filter"])
    assert said, asked.body["filter"]
    assert asked.body["orderBy"] == "timestamp asc"
    logs = re.findall(r'"([^"]+)"', said["logs"])
    since, until = (datetime.fromisoformat(said[name]) for name in ("since", "until"))
    let = [
        entry
        for entry in google.entries
        if entry["logName"] in logs and since <= datetime.fromisoformat(entry["timestamp"]) < until
    ]
    let.sort(key=lambda entry: entry["timestamp"])
    return page(asked, let, "entries", asked.body.get("pageToken"))


def _finding(google: Watched, asked: Asked) -> Any:
    name = asked.path["name"]
    google.things[name] = {**google.things.get(name, {}), **asked.body, "name": name}
    return google.things[name]


def _accounts(google: Watched, asked: Asked) -> Any:
    return page(asked, google.within(f"{asked.path['name']}/serviceAccounts/"), "accounts")


def _keys(google: Watched, asked: Asked) -> Any:
    kind = asked.query.get("keyTypes")
    keys = google.within(f"{asked.path['name']}/keys/")
    google.thing(asked.path["name"])
    return {"keys": [key for key in keys if kind in (None, key["keyType"])]}


def _activities(google: Watched, asked: Asked) -> Any:
    kind = asked.path["parent"].rpartition("/")[2]
    activities = [
        {
            "fullResourceName": f"//iam.googleapis.com/projects/1/serviceAccounts/1/keys/{key}",
            "activityType": kind,
            "activity": {"lastAuthenticatedTime": time} if time else {},
        }
        for key, time in google.used.items()
    ]
    return page(asked, activities, "activities")


def _buckets(google: Watched, asked: Asked) -> Any:
    return page(asked, google.within("b/"), "items")


def _access_list(google: Watched, asked: Asked) -> Any:
    which = asked.method.id.split(".")[1]
    entities = google.thing(f"b/{asked.path['bucket']}/{which}")["entities"]
    return {"items": [{"entity": each, "role": "READER"} for each in entities]}


def _effective(google: Watched, asked: Asked) -> Any:
    return {"name": "x", "spec": {"rules": [{"enforce": google.prevented}]}}


def _firewalls(google: Watched, asked: Asked) -> Any:
    return page(
        asked, google.within(f"projects/{asked.path['project']}/global/firewalls/"), "items"
    )


def _sinks(google: Watched, asked: Asked) -> Any:
    return page(asked, google.within(f"{asked.path['parent']}/sinks/"), "sinks")


READS: dict[str, Callable[[Watched, Asked], Any]] = {
    "compute.firewalls.list": _firewalls,
    "iam.projects.serviceAccounts.list": _accounts,
    "iam.projects.serviceAccounts.keys.list": _keys,
    "logging.entries.list": _entries,
    "logging.projects.sinks.list": _sinks,
    "orgpolicy.projects.policies.getEffectivePolicy": _effective,
    "policyanalyzer.projects.locations.activityTypes.activities.query": _activities,
    "secretmanager.projects.secrets.versions.access": _secret,
    "securitycenter.organizations.sources.findings.patch": _finding,
    "storage.bucketAccessControls.list": _access_list,
    "storage.buckets.list": _buckets,
    "storage.defaultObjectAccessControls.list": _access_list,
}
