"""GET /admin and its files: the operators' panel, a page that calls /api/admin/*.

The files are public: they hold no data and no credentials.
"""

import base64
import hashlib
import re
from pathlib import Path

from shared.handlers.static import PAGE, static_handler

_FOLDER = Path(__file__).parents[2] / "static" / "admin"

# The import map is the one script inside the page: it names the vendored modules. Its hash allows it and nothing else.
_IMPORT_MAP = re.findall(r'(?s)<script type="importmap">(.*?)</script>', (_FOLDER / PAGE).read_text())[0]
_HASH = base64.b64encode(hashlib.sha256(_IMPORT_MAP.encode()).digest()).decode()

# The stylesheet draws its icons from data: URLs. A photo of a support thread comes with credentials, so it is shown
# from a blob: URL. Trusted Types: no script of the page may write HTML, also no library.
_MAY_LOAD = (
    f"default-src 'none'; script-src 'self' 'sha256-{_HASH}'; style-src 'self'; img-src data: blob:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    " require-trusted-types-for 'script'; trusted-types 'none'"
)

handler = static_handler(_FOLDER, may_load=_MAY_LOAD)
