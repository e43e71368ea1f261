"""Lambda handlers of a page and its files, which the package of the function contains."""

import base64
import gzip
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from shared.handlers.http import Event, LambdaHandler, logged, refusal
from shared.http.headers import NEVER_STALE

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
}

PAGE = "index.html"


class _File(NamedTuple):
    text: str
    zipped: bytes
    headers: dict[str, str]


def static_handler(folder: Path, *, may_load: str) -> LambdaHandler:
    """Return the Lambda handler of the routes `/page` (its index.html) and `/page/{file}`.

    A file is known by its name alone, also in a folder inside `folder`. `may_load` is the Content-Security-Policy of
    the page. API Gateway compresses nothing, so the handler does: it keeps each file that was asked for, with its
    gzipped content. No AWS call.
    """
    paths = {path.name: path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES}
    files: dict[str, _File] = {}

    def serve_event(event: Event, context: Any) -> dict[str, Any]:
        name = event["rawPath"].rpartition("/")[2] if event["routeKey"].endswith("/{file}") else PAGE
        if name not in paths:
            return refusal(404)
        if name not in files:
            files[name] = _read(paths[name], may_load)
        return _response(files[name], event["headers"])

    return logged(serve_event)


def _read(path: Path, may_load: str) -> _File:
    content = path.read_bytes()
    headers = {
        "content-type": _MEDIA_TYPES[path.suffix],
        # A browser keeps a file and asks each time whether it is still the same: a page never meets another's scripts.
        "cache-control": f"max-age=0, {NEVER_STALE}",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "vary": "accept-encoding",
    }
    if path.name == PAGE:
        headers["content-security-policy"] = may_load
    return _File(content.decode(), gzip.compress(content, mtime=0), headers)


def _response(file: _File, asked: dict[str, str]) -> dict[str, Any]:
    # A weak comparison (RFC 9110, 13.1.2): CloudFront may weaken the tag of what it compresses.
    if file.headers["etag"] in asked.get("if-none-match", ""):
        return {"statusCode": 304, "headers": file.headers, "body": "", "isBase64Encoded": False}
    if "gzip" not in asked.get("accept-encoding", ""):
        length = str(len(file.text.encode()))
        headers = {**file.headers, "content-length": length}
        return {"statusCode": 200, "headers": headers, "body": file.text, "isBase64Encoded": False}
    headers = {**file.headers, "content-encoding": "gzip", "content-length": str(len(file.zipped))}
    body = base64.b64encode(file.zipped).decode()
    return {"statusCode": 200, "headers": headers, "body": body, "isBase64Encoded": True}
