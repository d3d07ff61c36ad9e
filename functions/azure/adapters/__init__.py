"""The ports on Azure: Store on Table Storage, Journal on blobs, Queue, Rejects and Sink on queues.

Reading order: own.py (calls to Vigil's own services), tables.py, blobs.py, queues.py, sentinel.py,
vault.py. All go through functions/azure/rest.py, so an error is one of core.errors already; what
is stored, told or queued is core's affair.
"""

from functions.azure.adapters.blobs import BlobJournal
from functions.azure.adapters.own import Own, storage
from functions.azure.adapters.queues import (
    alert_sink,
    later,
    opened,
    queue,
    rejects,
)
from functions.azure.adapters.sentinel import sentinel_sink
from functions.azure.adapters.tables import TableStore
from functions.azure.adapters.vault import Vault

__all__ = [
    "BlobJournal",
    "Own",
    "TableStore",
    "Vault",
    "alert_sink",
    "later",
    "opened",
    "queue",
    "rejects",
    "sentinel_sink",
    "storage",
]
