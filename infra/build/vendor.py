"""Copy the files of npm packages into the pages that use them: `python -m infra.build.vendor pages|client`.

`make vendor` runs it for the pages of static/ and `make client` for the sandbox, after npm ci. Files are copied
unchanged, each package with its licence. vendored.sha256 then lists every copy with its hash, and each package with the
version and hash of its lock file. A test compares them; `sha256sum -c` reads it too.
"""

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"


class Vendored(NamedTuple):
    """Packages of the lock file in `source`: their files, and where each is copied in `target`."""

    source: Path
    target: Path
    files: dict[str, dict[str, str]]

    @property
    def list(self) -> Path:
        """The file that lists the copies."""
        return self.target / "vendored.sha256"

    def locked(self) -> dict[str, dict[str, Any]]:
        """Return the packages of the lock file, by name."""
        packages = json.loads((self.source / "package-lock.json").read_text())["packages"]
        return {path.removeprefix("node_modules/"): package for path, package in packages.items() if path}

    def listing(self) -> str:
        """Return the list of the copies, for the lock file and the copies as they are."""
        lines, locked = [], self.locked()
        for name, files in self.files.items():
            lines.append(f"# {name} {locked[name]['version']} {locked[name]['integrity']}")
            lines += [
                f"{hashlib.sha256((self.target / copy).read_bytes()).hexdigest()}  {copy}" for copy in files.values()
            ]
        return "\n".join(lines) + "\n"

    def copy(self) -> None:
        """Copy the files and write their list."""
        for folder in {(self.target / copy).parent for files in self.files.values() for copy in files.values()}:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        for name, files in self.files.items():
            for original, copy in files.items():
                shutil.copyfile(self.source / "node_modules" / name / original, self.target / copy)
        self.list.write_text(self.listing())


ALL = {
    "pages": Vendored(
        source=STATIC,
        target=STATIC,
        files={
            "@picocss/pico": {
                "css/pico.classless.min.css": "admin/vendor/pico.classless.min.css",
                "LICENSE.md": "admin/vendor/LICENSE.pico",
            },
            "htm": {"dist/htm.mjs": "admin/vendor/htm.mjs", "LICENSE": "admin/vendor/LICENSE.htm"},
            "preact": {
                "dist/preact.mjs": "admin/vendor/preact.mjs",
                "hooks/dist/hooks.mjs": "admin/vendor/hooks.mjs",
                "LICENSE": "admin/vendor/LICENSE.preact",
            },
            "uplot": {
                "dist/uPlot.esm.js": "admin/vendor/uPlot.esm.js",
                "dist/uPlot.min.css": "admin/vendor/uPlot.min.css",
                "LICENSE": "admin/vendor/LICENSE.uplot",
            },
            "swagger-ui-dist": {
                "swagger-ui-bundle.js": "docs/vendor/swagger-ui-bundle.js",
                "swagger-ui-bundle.js.LICENSE.txt": "docs/vendor/LICENSE.swagger-ui-bundle",
                "swagger-ui.css": "docs/vendor/swagger-ui.css",
                "LICENSE": "docs/vendor/LICENSE.swagger-ui",
                "NOTICE": "docs/vendor/NOTICE.swagger-ui",
            },
        },
    ),
    # What live.ts and client.ts import. Their compiled copies are beside it.
    "client": Vendored(
        source=ROOT / "infra" / "client",
        target=ROOT / "infra" / "local" / "sandbox",
        files={
            "openapi-fetch": {"dist/index.mjs": "vendor/openapi-fetch.mjs", "LICENSE": "vendor/LICENSE.openapi-fetch"},
            "partysocket": {"dist/ws.js": "vendor/partysocket.js", "LICENSE.txt": "vendor/LICENSE.partysocket"},
        },
    ),
}


if __name__ == "__main__":
    ALL[sys.argv[1]].copy()
