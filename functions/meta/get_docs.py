"""GET /docs: show the API in Swagger UI."""

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

from shared.handlers.http import http_handler

router = APIRouter()

# A pinned version, so that the scripts of this page change only with a commit.
_SWAGGER_UI = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.32.0"

_MAY_LOAD = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline'"
    " https://cdn.jsdelivr.net; img-src data: https://cdn.jsdelivr.net; connect-src 'self'; frame-ancestors 'none'"
)


@router.get("/docs", include_in_schema=False)
async def get_docs() -> HTMLResponse:
    """Return the Swagger UI page. Its scripts come from a CDN."""
    page = get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Срочные услуги: API",
        swagger_js_url=f"{_SWAGGER_UI}/swagger-ui-bundle.js",
        swagger_css_url=f"{_SWAGGER_UI}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )
    page.headers["content-security-policy"] = _MAY_LOAD
    return page


handler = http_handler(router)
