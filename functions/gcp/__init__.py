"""Vigil on Google Cloud. The SDK is `google`; nothing here shadows it."""
