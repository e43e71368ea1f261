"""Deterministic simulation: the real functions over a DynamoDB, a clock and failures that one seed decides."""
