"""What tests of several folders share: emulators, started once a run by whoever asks first."""

from tests.gcp.emulators import firestore_emulator, pubsub_emulator

__all__ = ["firestore_emulator", "pubsub_emulator"]
