"""One module per Lambda function: request, rule, write, response."""

import shared.http.fast_import  # noqa: F401 - before any function imports FastAPI
