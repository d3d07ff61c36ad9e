"""Operation classes: what native operations mean, the same words for every cloud.

    identity.create, credential.create, privilege.grant, logging.disable, network.open, ...

Each cloud has a table of its operations by class (`functions/<cloud>/operations.py`), pure data.
From it come both the labels of an event (OCSF `metadata.labels`) and the native tests that find
such events without reading them, so that the two can't disagree. CLASSES says what a class means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from typing import TypeAlias

from core.rulebook import ANY_MANY, And, Expr, Or, Pattern, Text

__all__ = ["CLASSES", "Operations", "Table"]

Table: TypeAlias = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Class -> service ("*": any) -> names of operations, compared without case; `*` in a name stands
for any text, as in Sigma."""


class Operations:
    """The operations of one source. `service` and `operation` are the fields that its rules use."""

    def __init__(self, table: Table, service: str, operation: str) -> None:
        self._table, self._service, self._operation = table, service, operation
        self.labels = lru_cache(maxsize=4_096)(self._labels)
        """(service, operation) of an event -> its classes, in order of name."""

    @cached_property
    def tests(self) -> Mapping[str | int | bool, Expr]:
        """Class -> what a native record of it has."""
        return {label: _either(list(self._of(label))) for label in sorted(self._table)}

    def _of(self, label: str) -> Iterator[Expr]:
        for service, names in self._table[label].items():
            named = Text(self._operation, tuple(map(_pattern, names)))
            known = service != "*"
            yield And((Text(self._service, (_pattern(service),)), named)) if known else named

    def _labels(self, service: str, operation: str) -> tuple[str, ...]:
        rows = self._rows.get(service.casefold(), ()), self._rows.get("*", ())
        folded = operation.casefold()
        return tuple(sorted({one for row in rows for name, one in row if name.fullmatch(folded)}))

    @cached_property
    def _rows(self) -> Mapping[str, list[tuple[re.Pattern[str], str]]]:
        rows: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for label, services in self._table.items():
            for service, names in services.items():
                folded = [name.casefold().split("*") for name in names]
                regex = "|".join(".*".join(map(re.escape, parts)) for parts in folded)
                found = re.compile(regex, re.DOTALL)
                rows.setdefault(service.casefold(), []).append((found, label))
        return rows


def _pattern(name: str) -> Pattern:
    """As Sigma's wildcard pattern, folded."""
    if "*" not in name:
        return name.casefold()
    pieces: list[str | int] = []
    for place, part in enumerate(name.casefold().split("*")):
        pieces += [ANY_MANY] if place else []
        pieces += [part] if part else []
    return tuple(pieces)


def _either(tests: list[Expr]) -> Expr:
    return tests[0] if len(tests) == 1 else Or(tuple(tests))


CLASSES: Mapping[str, str] = {
    "identity.create": "A user, role, group, service account or application comes to be.",
    "identity.delete": "One goes.",
    "credential.create": "A key, password, secret or certificate that lets somebody sign in.",
    "privilege.grant": "An identity gets more rights: a policy, a role, a membership.",
    "trust.change": "Who may take on an identity: trust policies, federated credentials.",
    "policy.change": "The policy of a resource or an organisation.",
    "logging.disable": "An audit log, or what carries it, stops, narrows or goes.",
    "security_service.disable": "A detector, recorder or scanner stops or is muted.",
    "network.open": "A firewall rule that lets more in.",
    "resource.share": "An image, snapshot, disk or bucket becomes readable for others.",
    "secret.read": "A secret's value is read.",
    "data.read": "Stored data is read.",
    "data.delete": "Stored data, or what holds it, is deleted.",
    "key.destroy": "An encryption key is disabled or scheduled to go.",
    "backup.destroy": "A backup, snapshot or recovery point is deleted, or its keeping shortened.",
    "compute.create": "A machine, container or function comes to be.",
    "compute.exec": "A command is run on a machine, or a session to it opened.",
    "mfa.change": "A second factor is added, changed or taken away.",
    "idp.change": "Who vouches for identities: SAML and OIDC providers, domains, federation.",
}
"""Class -> what its operations have in common."""
