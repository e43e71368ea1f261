"""GET /docs and its files: Swagger UI, which shows the OpenAPI document."""

from pathlib import Path

from shared.handlers.static import static_handler

# Swagger UI draws its icons from data: URLs, and reads /openapi.json.
_MAY_LOAD = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)

handler = static_handler(Path(__file__).parents[2] / "static" / "docs", may_load=_MAY_LOAD)
