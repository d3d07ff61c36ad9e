"""The verbs of core.actions on AWS: which there are, and how they get their clients.

Each is a lens (see `lens`), kept with the service that it changes. Whether a verb may run is not
known here; which rights it needs is in permissions.json.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.lens import verbs
from core.ports import Verbs
from functions.aws.actions import cloudtrail, ec2, iam, s3
from functions.aws.actions.lens import Clients, Lens

__all__ = ["ACTIONS", "Clients", "Lens", "actions"]


def actions(clients: Clients) -> Verbs:
    """Every verb of this platform, on these clients."""
    return verbs(ACTIONS, clients)


ACTIONS: Mapping[str, Lens] = {
    "disable_access_key": iam.DISABLE_ACCESS_KEY,
    "revoke_sessions": iam.REVOKE_SESSIONS,
    "remove_grant": iam.REMOVE_GRANT,
    "close_ingress": ec2.CLOSE_INGRESS,
    "block_public_storage": s3.BLOCK_PUBLIC_STORAGE,
    "restore_audit_logging": cloudtrail.RESTORE_AUDIT_LOGGING,
}
