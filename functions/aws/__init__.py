"""Vigil on AWS: entry points in handler.py, built in wiring.py."""
