"""Lambda handlers of files, which the package of the function contains: a page with its files, or one file."""

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
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
}

PAGE = "index.html"


class _File(NamedTuple):
    headers: dict[str, str]
    plain: dict[str, Any]  # the response to who accepts no gzip
    zipped: dict[str, Any]


def static_handler(folder: Path, *, may_load: str) -> LambdaHandler:
    """Return the Lambda handler of the routes `/page` (its index.html) and `/page/{file}`.

    A file is known by its name alone, also in a folder inside `folder`. `may_load` is the Content-Security-Policy of
    the page. The handler keeps each file that was asked for. No AWS call.
    """
    paths = {path.name: path for path in folder.rglob("*") if path.suffix in _MEDIA_TYPES}
    files: dict[str, _File] = {}

    def serve_event(event: Event, context: Any) -> dict[str, Any]:
        name = event["rawPath"].rpartition("/")[2] if event["routeKey"].endswith("/{file}") else PAGE
        if name not in paths:
            return refusal(404)
        if name not in files:
            # A browser keeps a file and asks each time whether it is still the same: a page never meets another's
            # scripts.
            policy = {"content-security-policy": may_load} if name == PAGE else {}
            files[name] = _read(paths[name], max_age=0, **policy)
        return _answer(files[name], event["headers"])

    return logged(serve_event)


def file_handler(path: Path, *, max_age: int) -> LambdaHandler:
    """Return the Lambda handler of a route that is one file. A client keeps it for `max_age` seconds. No AWS call."""
    file = _read(path, max_age=max_age)
    return logged(lambda event, context: _answer(file, event["headers"]))


def _read(path: Path, *, max_age: int, **more_headers: str) -> _File:
    # API Gateway compresses nothing, so the handler does, once.
    content = path.read_bytes()
    headers = {
        "content-type": _MEDIA_TYPES[path.suffix],
        "cache-control": f"max-age={max_age}, {NEVER_STALE}",
        "etag": f'"{hashlib.sha256(content).hexdigest()[:32]}"',
        "vary": "accept-encoding",
        **more_headers,
    }
    zipped = gzip.compress(content, mtime=0)
    of_plain = {**headers, "content-length": str(len(content))}
    of_zipped = {**headers, "content-encoding": "gzip", "content-length": str(len(zipped))}
    return _File(
        headers,
        _response(200, of_plain, content.decode()),
        _response(200, of_zipped, base64.b64encode(zipped).decode(), encoded=True),
    )


def _answer(file: _File, asked: dict[str, str]) -> dict[str, Any]:
    # A weak comparison (RFC 9110, 13.1.2): CloudFront may weaken the tag of what it compresses.
    if file.headers["etag"] in asked.get("if-none-match", ""):
        return _response(304, file.headers, "")
    # A copy: the handler adds headers of its own.
    return dict(file.zipped if "gzip" in asked.get("accept-encoding", "") else file.plain)


def _response(status: int, headers: dict[str, str], body: str, *, encoded: bool = False) -> dict[str, Any]:
    return {"statusCode": status, "headers": headers, "body": body, "isBase64Encoded": encoded}
