"""Headers of responses: those of every response, and the end of each `Cache-Control` that allows caching."""

# A browser that follows a link here must treat the response as data only.
SECURITY = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}

# While the origin fails, CloudFront serves an expired response for as long as it has it, unless `stale-if-error` (RFC
# 5861) says for how long. `must-revalidate` (RFC 9111, 5.2.2.2) forbids the same to browsers and to any other cache.
NEVER_STALE = "must-revalidate, stale-if-error=0"
