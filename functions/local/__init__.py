"""Vigil on one machine: the command line is its handler, SQLite its store, files its journal."""
