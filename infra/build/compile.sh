#!/bin/sh
# Compile a package for the Python of its Lambda runtime: infra/build/compile.sh FOLDER VERSION
#
# Without compiled code, a function compiles every import at each cold start: the largest part of a cold start.
# Compiled code works with one version of Python only, so the interpreter must have the runtime's version. Packaging
# changes the modification times of the sources, so each .pyc must be one that Python does not check (unchecked-hash).
# Without such a Python the package stays uncompiled: it works, its cold starts are slower, and this script says so.
for candidate in "$PYTHON" "python$2" "$HOME"/.pyenv/versions/"$2".*/bin/python3 "$(uv python find "$2" 2>/dev/null)"; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1; then
        exec "$candidate" -m compileall -q --invalidation-mode unchecked-hash -s "$1" "$1"
    fi
done
echo "Python $2 is not installed, so $1 is not compiled. Install Python $2, or set Runtime and PACKAGE_PYTHON to an installed version." >&2
