"""The verbs of core.actions on Azure and Entra: which there are, and how they get their callers.

Each is a lens (see `lens`), kept with what it changes. Whether a verb may run is not known here;
which rights it needs is in permissions.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from core.ports import Verb, Verbs
from functions.azure.actions import grants, keys, monitor, network, sessions, storage
from functions.azure.actions.lens import Clients, Lens

__all__ = ["ACTIONS", "Clients", "Lens", "actions"]


def actions(clients: Clients) -> Verbs:
    """Every verb of this platform, called with this identity in these places."""
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
    "disable_access_key": keys.DISABLE_ACCESS_KEY,
    "revoke_sessions": sessions.REVOKE_SESSIONS,
    "remove_grant": grants.REMOVE_GRANT,
    "close_ingress": network.CLOSE_INGRESS,
    "block_public_storage": storage.BLOCK_PUBLIC_STORAGE,
    "restore_audit_logging": monitor.RESTORE_AUDIT_LOGGING,
}
