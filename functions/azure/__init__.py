"""Vigil on Azure: entry points in handler.py, built in wiring.py.

The SDK is `azure`; within `functions` this package is never that one.
"""
