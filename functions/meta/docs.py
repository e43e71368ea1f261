"""GET /docs: the API in Swagger UI."""

from fastapi import APIRouter
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

from shared.http.entry import http_handler

router = APIRouter()

# A fixed version: what a page of ours runs does not change by itself.
_SWAGGER_UI = "https://cdn.jsdelivr.net/npm/swagger-ui-dist@5.32.0"


@router.get("/docs", include_in_schema=False)
async def get_docs() -> HTMLResponse:
    """The page; its scripts come from a CDN."""
    return get_swagger_ui_html(
        openapi_url="/openapi.json",
        title="Срочные услуги: API",
        swagger_js_url=f"{_SWAGGER_UI}/swagger-ui-bundle.js",
        swagger_css_url=f"{_SWAGGER_UI}/swagger-ui.css",
        swagger_favicon_url="data:,",
    )


handler = http_handler(router)
