"""ATT&CK's catalogue, version 19: which techniques there are, of which tactics, and which are gone.

Facts of the Enterprise matrix of version 19 (MITRE, April 2026: 15 tactics, 222 techniques, 475
sub-techniques), https://attack.mitre.org/resources/updates/updates-april-2026/. Ids and tactics
only: no name, no text. It does not know the matrices for mobile and industrial systems.

ATT&CK is MITRE's: (c) 2026 The MITRE Corporation. This work is reproduced and distributed with the
permission of The MITRE Corporation (https://attack.mitre.org/resources/terms-of-use/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

__all__ = ["RENUMBERED", "techniques"]


@cache
def techniques() -> Mapping[str, tuple[str, ...]]:
    """Technique or sub-technique -> its tactics, as slugs in the order of an attack."""
    found: dict[str, tuple[str, ...]] = {}
    for line in CATALOGUE.split("\n"):
        number, numbers, *tactics = line.split()
        for sub in ("", *_subs(numbers)):
            found[number + sub] = tuple(tactics)
    return found


def _subs(numbers: str) -> Iterator[str]:
    """`001-003,005` as .001, .002, .003, .005; `-` is none."""
    for part in numbers.split(",") if numbers != "-" else ():
        first, _, last = part.partition("-")
        for number in range(int(first), int(last or first) + 1):
            yield f".{number:03}"


RENUMBERED: Mapping[str, str] = {
    "T1070.001": "T1685.005",
    "T1070.002": "T1685.006",
    "T1562": "T1685",
    "T1562.001": "T1685",
    "T1562.002": "T1685.001",
    "T1562.003": "T1690",
    "T1562.004": "T1686",
    "T1562.006": "T1685",
    "T1562.007": "T1686.001",
    "T1562.008": "T1685.002",
    "T1562.009": "T1688",
    "T1562.010": "T1689",
    "T1562.011": "T1685.003",
    "T1562.012": "T1685.004",
    "T1562.013": "T1686.002",
    "T1574.002": "T1574.001",
    "T1656": "T1684.001",
    "T1672": "T1684.002",
}
"""Revoked id -> what revokes it: those of versions 17 and 19. Ids that went before (most in 2020,
when sub-techniques came) are unknown here, and `vigil rules lint` says so without a replacement."""

CATALOGUE = """\
T1001 001-003 command-and-control
T1003 001-008 credential-access
T1005 - collection
T1006 - stealth
T1007 - discovery
T1008 - command-and-control
T1010 - discovery
T1011 001 exfiltration
T1012 - discovery
T1014 - stealth
T1016 001-002 discovery
T1018 - discovery
T1020 001 exfiltration
T1021 001-008 lateral-movement
T1025 - collection
T1027 001-018 stealth
T1029 - exfiltration
T1030 - exfiltration
T1033 - discovery
T1036 001-012 stealth
T1037 001-005 persistence privilege-escalation
T1039 - collection
T1040 - credential-access discovery
T1041 - exfiltration
T1046 - discovery
T1047 - execution
T1048 001-003 exfiltration
T1049 - discovery
T1052 001 exfiltration
T1053 002-003,005-007 execution persistence privilege-escalation
T1055 001-005,008-009,011-015 privilege-escalation stealth
T1056 001-004 credential-access collection
T1057 - discovery
T1059 001-013 execution
T1068 - privilege-escalation
T1069 001-003 discovery
T1070 003-010 stealth
T1071 001-005 command-and-control
T1072 - execution lateral-movement
T1074 001-002 collection
T1078 001-004 initial-access persistence privilege-escalation stealth
T1080 - lateral-movement
T1082 - discovery
T1083 - discovery
T1087 001-004 discovery
T1090 001-004 command-and-control
T1091 - initial-access lateral-movement
T1092 - command-and-control
T1095 - command-and-control
T1098 001-007 persistence privilege-escalation
T1102 001-003 command-and-control
T1104 - command-and-control
T1105 - command-and-control
T1106 - execution
T1110 001-004 credential-access
T1111 - credential-access
T1112 - persistence defense-impairment
T1113 - collection
T1114 001-003 collection
T1115 - collection
T1119 - collection
T1120 - discovery
T1123 - collection
T1124 - discovery
T1125 - collection
T1127 001-003 execution stealth
T1129 - execution
T1132 001-002 command-and-control
T1133 - initial-access persistence
T1134 001-005 privilege-escalation stealth
T1135 - discovery
T1136 001-003 persistence
T1137 001-006 persistence
T1140 - stealth
T1176 001-002 persistence
T1185 - collection
T1187 - credential-access
T1189 - initial-access
T1190 - initial-access
T1195 001-003 initial-access
T1197 - execution persistence stealth
T1199 - initial-access
T1200 - initial-access
T1201 - discovery
T1202 - stealth
T1203 - execution
T1204 001-005 execution
T1205 001-002 persistence stealth command-and-control
T1207 - defense-impairment
T1210 - lateral-movement
T1211 - stealth
T1212 - credential-access
T1213 001-006 collection
T1216 001-002 stealth
T1217 - discovery
T1218 001-005,007-015 stealth
T1219 001-003 command-and-control
T1220 - stealth
T1221 - stealth
T1222 001-002 defense-impairment
T1480 001-002 stealth
T1482 - discovery
T1484 001-002 privilege-escalation defense-impairment
T1485 001 impact
T1486 - impact
T1489 - impact
T1490 - impact
T1491 001-002 impact
T1495 - impact
T1496 001-004 impact
T1497 001-003 stealth discovery
T1498 001-002 impact
T1499 001-004 impact
T1505 001-006 persistence
T1518 001-002 discovery
T1525 - persistence
T1526 - discovery
T1528 - credential-access
T1529 - impact
T1530 - collection
T1531 - impact
T1534 - lateral-movement
T1535 - stealth
T1537 - exfiltration
T1538 - discovery
T1539 - credential-access
T1542 001-005 persistence stealth
T1543 001-005 persistence privilege-escalation
T1546 001-018 persistence privilege-escalation
T1547 001-010,012-015 persistence privilege-escalation
T1548 001-006 privilege-escalation
T1550 001-004 lateral-movement
T1552 001-008 credential-access
T1553 001-006 defense-impairment
T1554 - persistence
T1555 001-006 credential-access
T1556 001-009 persistence defense-impairment credential-access
T1557 001-004 credential-access collection
T1558 001-005 credential-access
T1559 001-003 execution
T1560 001-003 collection
T1561 001-002 impact
T1563 001-002 lateral-movement
T1564 001-014 stealth
T1565 001-003 impact
T1566 001-004 initial-access
T1567 001-004 exfiltration
T1568 001-003 command-and-control
T1569 001-003 execution
T1570 - lateral-movement
T1571 - command-and-control
T1572 - command-and-control
T1573 001-002 command-and-control
T1574 001,004-014 execution stealth
T1578 001-005 defense-impairment
T1580 - discovery
T1583 001-008 resource-development
T1584 001-008 resource-development
T1585 001-003 resource-development
T1586 001-003 resource-development
T1587 001-004 resource-development
T1588 001-007 resource-development
T1589 001-003 reconnaissance
T1590 001-006 reconnaissance
T1591 001-004 reconnaissance
T1592 001-004 reconnaissance
T1593 001-003 reconnaissance
T1594 - reconnaissance
T1595 001-003 reconnaissance
T1596 001-005 reconnaissance
T1597 001-002 reconnaissance
T1598 001-004 reconnaissance
T1599 001 defense-impairment
T1600 001-002 defense-impairment
T1601 001-002 defense-impairment
T1602 001-002 collection
T1606 001-002 credential-access
T1608 001-006 resource-development
T1609 - execution
T1610 - execution
T1611 - privilege-escalation
T1612 - stealth
T1613 - discovery
T1614 001 discovery
T1615 - discovery
T1619 - discovery
T1620 - stealth
T1621 - credential-access
T1622 - stealth discovery
T1647 - defense-impairment
T1648 - execution
T1649 - credential-access
T1650 - resource-development
T1651 - execution
T1652 - discovery
T1653 - persistence
T1654 - discovery
T1657 - impact
T1659 - initial-access command-and-control
T1665 - command-and-control
T1666 - defense-impairment
T1667 - impact
T1668 - persistence
T1669 - initial-access
T1671 - persistence
T1673 - discovery
T1674 - execution
T1675 - execution
T1677 - execution
T1678 - stealth
T1679 - stealth
T1680 - discovery
T1681 - reconnaissance
T1682 - reconnaissance
T1683 001-002 resource-development
T1684 001-002 stealth
T1685 001-006 defense-impairment
T1686 001-003 defense-impairment
T1687 - defense-impairment
T1688 - defense-impairment
T1689 - defense-impairment
T1690 - defense-impairment"""
"""A technique, its sub-techniques, its tactics; a sub-technique has its technique's tactics."""
