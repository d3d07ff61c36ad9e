"""The ports on Google Cloud: Store on Firestore, Journal on Cloud Storage, the rest on Pub/Sub.

Reading order: own.py (errors of what is ours), firestore.py (Store), storage.py (Journal),
pubsub.py (Queue, Rejects, alerts), scc.py (alerts as findings of Security Command Center),
secrets.py (secrets and the policy). What makes the calls is passed in; nothing is opened here.
"""

from __future__ import annotations

from functions.gcp.adapters.firestore import FirestoreStore
from functions.gcp.adapters.own import own
from functions.gcp.adapters.pubsub import Publish, alerts, publishing, queue, rejects
from functions.gcp.adapters.scc import findings
from functions.gcp.adapters.secrets import secret
from functions.gcp.adapters.storage import StorageJournal

__all__ = [
    "FirestoreStore",
    "Publish",
    "StorageJournal",
    "alerts",
    "findings",
    "own",
    "publishing",
    "queue",
    "rejects",
    "secret",
]
