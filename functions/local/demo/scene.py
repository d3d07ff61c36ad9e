"""What a cloud brings to the demo: a company in a stand-in of it, an intruder, and Vigil watching.

stage.py plays the acts on a Scene and knows no cloud; each folder beside it makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from core.model import Action
from core.ports import Journal, Store

__all__ = ["Late", "Played", "Reading", "Scene", "States", "Step"]


class Step(NamedTuple):
    """One thing that the intruder did."""

    time: str
    """As the record has it, RFC 3339: 2026-11-23T10:15:00Z."""

    told: str


class Reading(NamedTuple):
    """One thing of the company as its cloud answers, asked past Vigil: in a few words, and whole,
    to be compared.
    """

    words: str
    whole: Any


class Late(NamedTuple):
    """What is found only after the response."""

    title: str
    """Of the act."""

    told: str
    """What happened, in a sentence."""

    unseen: Sequence[str] = ()
    """What could not be looked at, and why."""


States = Mapping[str, Reading]
"""What an intruder may have changed, by a name for people."""


class Played(NamedTuple):
    """What came of all acts."""

    messages: int
    """Delivered the first time."""

    refused: Sequence[str]
    """Why messages were set aside."""

    findings: int
    states: Sequence[tuple[str, States]]
    """The company's state by the moment at which it was read."""


class Scene(Protocol):
    """One cloud, ready to be played in. Its functions read and change nothing but the stand-in."""

    @property
    def cloud(self) -> str:
        """Its name for people."""

    @property
    def policy(self) -> Mapping[str, Any]:
        """What Vigil may do here."""

    @property
    def store(self) -> Store:
        """What Vigil stored."""

    @property
    def journal(self) -> Journal:
        """What Vigil wrote down."""

    def about(self) -> Sequence[str]:
        """What there is, in sentences."""

    def state(self) -> States:
        """The company as its cloud answers now."""

    def intrude(self, start: int) -> Iterator[Step]:
        """Do each thing in the stand-in, among what goes on anyway; `start` is epoch ms."""

    def deliveries(self) -> Sequence[str]:
        """The messages in which the records arrive, one of them poisoned; what is late is not in
        them.
        """

    def detect(self, bodies: Sequence[str]) -> None:
        """Let Vigil read messages."""

    def repeat(self) -> str:
        """Let it read all records again in another order; in which way, as a noun."""

    def refused(self) -> Sequence[str]:
        """Why messages were set aside."""

    def respond(self) -> None:
        """Let Vigil work on the actions that wait."""

    def approve(self, method: str, token: str) -> int:
        """Open an approval link, as dana; the HTTP status."""

    def late(self) -> Late:
        """Let it find what came late."""

    def order(self, action: Action) -> None:
        """Put an order of a person where Vigil's response takes it from."""
