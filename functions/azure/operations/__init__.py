"""What the operations of Azure, Entra ID and Microsoft 365 mean, in the classes of core.operations.

Pure data, a file for each log: activity.py, directory.py, office.py. An operation's name says whose
it is, so tables name no service. Which field holds a name is for the log's reader to say.
"""

from __future__ import annotations

from core.operations import Operations
from functions.azure.operations.activity import ACTIVITY_TABLE
from functions.azure.operations.directory import DIRECTORY_TABLE
from functions.azure.operations.office import OFFICE_TABLE

__all__ = ["ACTIVITY", "DIRECTORY", "OFFICE"]

ACTIVITY = Operations(ACTIVITY_TABLE, service="ResourceProviderValue", operation="operationName")

DIRECTORY = Operations(DIRECTORY_TABLE, service="loggedByService", operation="activityDisplayName")

OFFICE = Operations(OFFICE_TABLE, service="Workload", operation="Operation")
