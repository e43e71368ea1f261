"""GET /openapi.json: return the OpenAPI 3.1 document that is committed beside this file."""

from pathlib import Path

from shared.handlers.static import file_handler

# `make openapi` generates it from the routers of all functions; a test compares the two.
handler = file_handler(Path(__file__).with_name("openapi.json"), max_age=300)
