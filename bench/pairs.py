"""Generated (rule, record) pairs: the indexed matcher, the scan of bytes and the oracle agree.

    python -m bench.pairs [--count 200000] [--seed 1]

What is generated is what tests/core/test_detect.py generates, by hypothesis; each lot of rules,
filters and records is asked as cloud records and raw, as records and as bytes.
"""

from __future__ import annotations

import argparse
from typing import Any

import msgspec
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from core.detect import Detector, Suppressed
from core.detect.plain import plain_judge
from core.scan import Scanner, Tally
from tests.core.test_detect import CLOUDTRAIL, exprs, rules, several, timed


def main() -> None:
    """Run until so many pairs were compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    compared, turn = 0, 0
    while compared < options.count:
        compared += _lot(options.seed * 10_000 + turn)
        turn += 1
    print(f"{compared} pairs of a rule and a record: both matchers and the scan agree")


def _lot(number: int) -> int:
    compared = 0

    @seed(number)
    @settings(
        max_examples=200,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        st.lists(exprs, min_size=1, max_size=12),
        st.just([]) | several,
        st.lists(timed, min_size=1, max_size=8),
    )
    def agree(found: list[Any], filters: list[Any], many: list[dict[str, Any]]) -> None:
        nonlocal compared
        book = rules(*found, filters=filters)
        marked = [{"eventSource": "s", "eventName": "a"} | one for one in many]
        for source, given in ((CLOUDTRAIL, marked), (None, many)):
            detector = Detector(book, [source] if source else (), raw=source is None)
            name = source.name if source else "raw"
            expected = [_plainly(book, source, one) for one in given]
            assert [detector.judge(name, one) for one in given] == expected
            matches = Scanner(detector).scan(msgspec.json.encode(given), Tally())
            scanned = {
                match.position: (detector.rules(match.numbers), match.suppressed)
                for match in matches
            }
            assert [scanned.get(n, ((), ())) for n in range(len(given))] == expected
        compared += len(found) * len(many)

    agree()
    return compared


def _plainly(book: Any, source: Any, record: dict[str, Any]) -> tuple[Any, Any]:
    """What is kept and what is suppressed, by the oracle."""
    found = plain_judge(book, source, record)
    return (
        tuple(rule for rule, by in found if not by),
        tuple(Suppressed(rule.id, by) for rule, by in found if by),
    )


if __name__ == "__main__":
    main()
