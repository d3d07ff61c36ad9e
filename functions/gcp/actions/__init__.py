"""The verbs of core.actions on Google Cloud: which there are, and how they get their clients.

Each is a lens (see `lens`), kept with the service that it changes. Whether a verb may run is not
known here; which rights it needs is in permissions.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from core.ports import Verb, Verbs
from functions.gcp.actions import audit_logs, compute, iam, policy, storage
from functions.gcp.actions.lens import Clients, Lens

__all__ = ["ACTIONS", "Clients", "Lens", "actions"]


def actions(clients: Clients) -> Verbs:
    """Every verb of this platform, on these clients."""
    return {
        name: Verb(
            read=partial(lens.read, clients),
            want=lens.want,
            write=partial(lens.write, clients),
            facts=partial(lens.facts, clients),
        )
        for name, lens in ACTIONS.items()
    }


ACTIONS: Mapping[str, Lens] = {
    "disable_access_key": iam.DISABLE_ACCESS_KEY,
    "revoke_sessions": iam.REVOKE_SESSIONS,
    "remove_grant": policy.REMOVE_GRANT,
    "close_ingress": compute.CLOSE_INGRESS,
    "block_public_storage": storage.BLOCK_PUBLIC_STORAGE,
    "restore_audit_logging": audit_logs.RESTORE_AUDIT_LOGGING,
}
