"""Hold every request to the embedded AWS's DynamoDB to the documented rules (`tests/fakes/rules.py`), and start its
functions by fork (`forks.py`).

Python imports this module at its start where PYTHONPATH names this folder, as the service of the tests does
(`../service.py`). So the code under test knows nothing of it. A request that breaks a rule is refused as DynamoDB
refuses it: the function answers 500, and its log names the rule.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

if sys.orig_argv[1:3] == ["-m", "ministack"]:
    # The functions, which the embedded AWS starts, need no check of their own.
    os.environ.pop("PYTHONPATH", None)
    sys.path.insert(0, str(Path(__file__).parents[3]))

    from ministack.core import lambda_runtime
    from ministack.core.responses import error_response_json
    from ministack.services import dynamodb

    from tests.fakes import rules
    from tests.fakes.expressions import Invalid
    from tests.integration.embedded.forks import Forks

    if sys.platform == "linux":
        lambda_runtime.subprocess = Forks()

    answer = dynamodb.handle_request

    class NoTable(Exception):
        """The embedded AWS has no such table, and says so itself."""

    def schema_of(table: str) -> rules.Schema:
        """Return the keys of a table."""
        if table not in dynamodb._tables:
            raise NoTable
        return rules.Schema.of(dynamodb._tables[table])

    async def checked(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
        """Answer a request that keeps the rules."""
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if operation in rules.OPERATIONS:
            try:
                rules.check(operation, json.loads(body), schema_of)
            except Invalid as invalid:
                return error_response_json("ValidationException", str(invalid), 400)
            except NoTable:
                pass
        return await answer(method, path, headers, body, query)

    dynamodb.handle_request = checked
