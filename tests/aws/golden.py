"""Rewrites the expected halves of tests/aws/golden/*.json from their native records.

Each file holds `record` (native, written by hand), `event` (without the copy of the record) and
`ocsf`. Run it after a wanted change (`make golden`); the difference in git is what to review.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"


def rendered(record: dict[str, Any]) -> dict[str, Any]:
    """The native record with the event and the OCSF object that it becomes."""
    import msgspec

    from core.model import to_json
    from core.ocsf import activity
    from functions.aws.events import event

    found = event(record)
    bare = msgspec.structs.replace(found, record={})
    return {
        "record": record,
        "event": json.loads(to_json(bare)),
        "ocsf": json.loads(to_json(activity(found))),
    }


def main() -> None:
    """Rewrite every file whose content would change, and name it."""
    sys.path.insert(0, str(ROOT))
    for path in sorted(GOLDEN.glob("*.json")):
        old = path.read_text(encoding="utf-8")
        new = json.dumps(rendered(json.loads(old)["record"]), indent=2, ensure_ascii=False) + "\n"
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
