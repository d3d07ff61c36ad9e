"""What the Functions host loads: the triggers of the one function that this app is.

It stands at the root of the package. VIGIL_FUNCTION says which function; the rest is handler.py's.
"""

from __future__ import annotations

import os

from functions.azure.handler import application

app = application(os.environ)
