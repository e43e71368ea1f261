"""Checks of committed files: generate the OpenAPI from the code, look up the lock files in OSV."""
