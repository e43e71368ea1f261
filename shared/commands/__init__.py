"""Commands: everything that changes the table, in one shape.

A command reads, lets a rule of `shared/domain` decide, and writes in one transaction conditioned on what it read. When
the write meets a conflict, or its outcome is unknown, `retry` runs all of it again. The next read then shows whether
the earlier attempt was applied, so every command is idempotent (P3).
"""
