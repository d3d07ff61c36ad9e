"""The commands of the command line: one file per group, each ending in what it tells people.

A command reads its options, calls core, and shows what came of it. It decides nothing else.
"""
