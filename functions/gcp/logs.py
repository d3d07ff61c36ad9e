"""Log lines and counts as Cloud Logging reads them: one JSON object a line, with a severity.

Counts are collected over one invocation and written as one line, `{"metrics": {"findings": 1}}`;
log-based metrics make series of them. So a count costs no call, no right and no library. It knows
no service; what is logged is the handler's affair.
https://cloud.google.com/logging/docs/structured-logging
"""

from __future__ import annotations

import sys
import threading
import traceback
from typing import Any, Literal, TextIO

import msgspec

__all__ = ["Logs"]

Severity = Literal["INFO", "WARNING", "ERROR"]


class Logs:
    """Writes lines to a stream, standard output if none is given."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._counts: dict[str, float] = {}

    def line(self, severity: Severity, message: str, **fields: Any) -> None:
        """One line. No field may hold a secret or a whole event."""
        data = msgspec.json.encode({"severity": severity, "message": message, **fields})
        stream = self._stream or sys.stdout
        with self._lock:
            stream.write(data.decode() + "\n")
            stream.flush()

    def fault(self, error: BaseException, **fields: Any) -> None:
        """An error that nobody expected, with its stack: Error Reporting groups by it."""
        self.line("ERROR", "".join(traceback.format_exception(error)), **fields)

    def add(self, name: str, value: float) -> None:
        """Count something, until `flush`: a core.ports.Metrics."""
        with self._lock:
            self._counts[name] = self._counts.get(name, 0) + value

    def flush(self, **fields: Any) -> None:
        """Write what was counted, and begin anew."""
        with self._lock:
            counts, self._counts = self._counts, {}
        if counts:
            self.line("INFO", "metrics", metrics=counts, **fields)
