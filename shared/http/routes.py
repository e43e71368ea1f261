"""The methods that each path of the API has, from the OpenAPI document."""

import json
import re
from pathlib import Path

# A file of the package, not an import: every function's package contains the whole of functions/ and shared/.
_DOCUMENT = Path(__file__).parents[2] / "functions" / "meta" / "openapi.json"

# The document does not list itself, nor the pages and their files.
_PAGES = {path: ["get"] for path in ("/admin", "/admin/{file}", "/docs", "/docs/{file}", "/openapi.json")}

_METHODS = [
    (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), [method.upper() for method in methods])
    for path, methods in {**json.loads(_DOCUMENT.read_bytes())["paths"], **_PAGES}.items()
]


def allowed_methods(path: str) -> str:
    """Return the methods of a path or of a route's path as an `Allow` header (RFC 9110, 10.2.1); empty if unknown.

    Every path answers OPTIONS, and every path with GET answers HEAD.
    """
    for pattern, methods in _METHODS:
        if pattern.fullmatch(path):
            return ", ".join(sorted([*methods, "OPTIONS", *(["HEAD"] if "GET" in methods else [])]))
    return ""
