"""Vigil on Azure. The SDK is `azure`; within `functions` this package is never that one."""
