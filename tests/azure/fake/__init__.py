"""A stand-in for ARM and Microsoft Graph that keeps state and checks every word against the vendor.

contract.py says what may be asked and answered, as read from Microsoft's own SDKs; graph.py does so
for Graph; azure.py keeps the resources and the objects. See docs/decisions/0097.
"""
