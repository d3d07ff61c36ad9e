"""Topics on the Pub/Sub emulator, each with a subscription that tells what was sent.

Messages go out through the adapters' own client; making topics and taking messages off them is
plain HTTP, which the emulator speaks as well.
"""

from __future__ import annotations

import base64
from typing import Any, NamedTuple

import pytest
import urllib3

from functions.gcp.adapters import Publish, publishing

PROJECT = "example-project"


class Sent(NamedTuple):
    """One message as it lay on a topic."""

    data: bytes
    attributes: dict[str, str]


class Topics:
    """Makes topics on one emulator. `publish` sends to any of them."""

    def __init__(self, address: str) -> None:
        self._root, self.publish = f"http://{address}/v1/", told(address)
        self._http = urllib3.PoolManager()

    def make(self, name: str, **subscription: Any) -> str:
        """A topic and a subscription of that name; the topic's full name."""
        topic, reader = self.names(name)
        self.call("PUT", topic, {})
        self.call("PUT", reader, {"topic": topic, "ackDeadlineSeconds": 600, **subscription})
        return topic

    def push(self, topic: str, endpoint: str, **subscription: Any) -> None:
        """A second subscription of a topic, pushed to an address."""
        reader = f"{self.names(topic)[1]}-push"
        config = {"topic": topic, "pushConfig": {"pushEndpoint": endpoint}}
        self.call("PUT", reader, {**config, **subscription})

    def drain(self, name: str) -> list[Sent]:
        """Every message that waits at the subscription of a topic, taken off it."""
        reader, found = self.names(name)[1], list[Sent]()
        while True:
            wanted = {"maxMessages": 100, "returnImmediately": True}
            batch = self.call("POST", f"{reader}:pull", wanted).get("receivedMessages")
            if not batch:
                return found
            self.call("POST", f"{reader}:acknowledge", {"ackIds": [one["ackId"] for one in batch]})
            for one in batch:
                message = one["message"]
                data = base64.b64decode(message.get("data", ""))
                found.append(Sent(data, message.get("attributes", {})))

    def names(self, name: str) -> tuple[str, str]:
        name = name.rpartition("/")[2]
        return f"projects/{PROJECT}/topics/{name}", f"projects/{PROJECT}/subscriptions/{name}"

    def call(self, method: str, path: str, body: Any) -> Any:
        answer = self._http.request(method, self._root + path, json=body)
        assert answer.status == 200, answer.data
        return answer.json()


def told(address: str) -> Publish:
    """The functions' own client; the environment tells it where the emulator is."""
    publish = publishing()

    def send(*message: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PUBSUB_EMULATOR_HOST", address)
            publish(*message)

    return send
