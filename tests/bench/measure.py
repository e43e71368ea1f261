"""Run the worker in a fresh process, over the packages or over the modules that pip installed."""

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from tests.api import ROOT
from tests.bench.cases import Recorded
from tests.bench.package import FUNCTION, LAYER, PAGE
from tests.bench.stub import answering

_WORKER = Path(__file__).with_name("worker.py")
PACKAGED = f"{LAYER / 'python'}:{FUNCTION}"
# A page's files are in the package of its own function only.
PACKAGED_PAGE = f"{LAYER / 'python'}:{PAGE}"
INSTALLED = f"{sysconfig.get_path('purelib')}:{ROOT}"


def run(
    module: str,
    recorded: Recorded | None = None,
    *,
    bare: Recorded | None = None,
    requests: int = 0,
    forget: bool = True,
    path: str = PACKAGED,
    compiled: bool = True,
) -> dict[str, Any]:
    """Return the worker's measurements of a module on `path`.

    The worker sends the recorded event once, then `requests` times, alternating with the `bare` handler. With `forget`,
    the caches of totals and of told orders are cleared before each request. Without `compiled`, what pip installed is
    compiled at import, as in a package of SAM's. The standard library is always compiled, as in Lambda's runtime.
    """
    given = {}
    if recorded:
        given = {"event": recorded.event, "bare": bare and bare.event, "forget": forget}
    with (
        answering(recorded.first_calls, recorded.replies) if recorded else answering([]) as url,
        answering(bare.calls if bare else []) as bare_url,
    ):
        env = {
            **os.environ,
            # The packages come first. The bare handler and its boto3 come from the modules that pip installed.
            "PYTHONPATH": f"{path}:{INSTALLED}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_ENDPOINT_URL": url,
            **dict.fromkeys(("TELEGRAM_API_URL", "CRYPTO_PAY_API_URL", "YOOKASSA_API_URL"), url),
            "LIVE_API_URL": f"{url}/live",
            "BARE_ENDPOINT_URL": bare_url,
            "AWS_LAMBDA_FUNCTION_NAME": "measured",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "POWERTOOLS_METRICS_DISABLED": "false",
            "LC_ALL": "C.UTF-8",
        }
        if not compiled:
            env["UNCOMPILED_PATH"] = sysconfig.get_path("purelib")
        done = subprocess.run(
            [sys.executable, "-S", "-s", str(_WORKER), module, str(requests)],
            input=json.dumps(given) if given else "",
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 0, f"{module}: {done.stderr}"
    result: dict[str, Any] = json.loads(done.stderr.splitlines()[-1])
    return result
