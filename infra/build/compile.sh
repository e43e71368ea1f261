#!/bin/sh
# Compile a package for the runtime that it goes to: infra/build/compile.sh FOLDER VERSION
#
# Without compiled code a function compiles all it imports at every cold start, which takes longer than all the rest.
# Compiled code is good for one version of Python only, and a package's files have other times than their sources had
# here, so it must be that version and a .pyc that is believed unchecked. Where this machine has no such Python, the
# package goes without: it works, starts late, and `make build` says so.
for candidate in "$PYTHON" "python$2" "$HOME"/.pyenv/versions/"$2".*/bin/python3 "$(uv python find "$2" 2>/dev/null)"; do
    if "$candidate" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$2')" >/dev/null 2>&1; then
        exec "$candidate" -m compileall -q --invalidation-mode unchecked-hash -s "$1" "$1"
    fi
done
echo "No Python $2 here: $1 is not compiled. Install it, or set Runtime and PACKAGE_PYTHON to a version that is here." >&2
