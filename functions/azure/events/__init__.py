"""Azure's, Entra's and Microsoft 365's records in neutral words, and the fields of Sigma's rules.

Reading order: values.py (how values are written), activity.py (the Activity Log), entra.py (the
directory's logs) with entra_fields.py (how rules name them), office.py (Microsoft 365),
kubernetes.py (AKS), alerts.py (Defender). No SDK.
"""

from __future__ import annotations

from core.ports import Source
from functions.azure.events.activity import ACTIVITY_SOURCES
from functions.azure.events.alerts import ALERT_SOURCES
from functions.azure.events.entra import ENTRA_SOURCES
from functions.azure.events.kubernetes import KUBERNETES_SOURCES
from functions.azure.events.office import OFFICE_SOURCES

__all__ = ["SOURCES"]

SOURCES: tuple[Source, ...] = (
    *ACTIVITY_SOURCES,
    *ENTRA_SOURCES,
    *OFFICE_SOURCES,
    *ALERT_SOURCES,
    *KUBERNETES_SOURCES,
)
"""Every kind of native record that is read here; a logsource of several shapes is here as often."""
