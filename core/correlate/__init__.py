"""Correlations: several events that are wrong together, or that did not come, in event time.

    observation -> row of a group -> windows that meet the condition -> episode -> firing

form.py says what a correlation is and plan.py how correlations hang together. windows.py and
novelty.py decide when one is met, group.py turns that into firings, all without I/O. stream.py
keeps the state in a Store, for events that arrive one by one; batch.py sees all events at once,
for a hunt. Both give the same firings. Nothing here knows records, Sigma or findings.
"""

from __future__ import annotations

from core.correlate.batch import correlate_all
from core.correlate.form import (
    CAP,
    LATENESS_MS,
    Condition,
    Correlation,
    Term,
    all_of,
    any_of,
    doubts,
    faults,
    monotone,
    none_of,
    occurs,
)
from core.correlate.group import EVENTS_KEPT, Firing, State, Step, confirmed, settle, step
from core.correlate.observe import Observation
from core.correlate.plan import Plan, needed_fields, silent
from core.correlate.stream import Correlator

__all__ = [
    "CAP",
    "EVENTS_KEPT",
    "LATENESS_MS",
    "Condition",
    "Correlation",
    "Correlator",
    "Firing",
    "Observation",
    "Plan",
    "State",
    "Step",
    "Term",
    "all_of",
    "any_of",
    "confirmed",
    "correlate_all",
    "doubts",
    "faults",
    "monotone",
    "needed_fields",
    "none_of",
    "occurs",
    "settle",
    "silent",
    "step",
]
