"""Azure and Entra: a stand-in of ARM and Microsoft Graph, the parts of functions/azure, and a user
who was tricked into signing an intruder in.
"""
