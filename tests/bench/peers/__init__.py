"""Two handlers as others write them. Each reads the same order with one GetItem, checks no caller and masks nothing."""

PEERS = {"AWS sample": "tests.bench.peers.sample", "naive": "tests.bench.peers.naive"}
"""Modules by the name that the tables show."""
