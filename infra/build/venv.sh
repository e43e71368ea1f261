#!/bin/sh
# Create a virtual environment with the locked pip: infra/build/venv.sh FOLDER OPTION_OF_PIP...
set -e
venv="$1"
shift
python="$(infra/build/python.sh)"
echo "==> Creating $venv with $python"
"$python" -m venv --without-pip "$venv"
# Python's own pip installs the locked one. ensurepip takes some ten seconds more: only a Python without pip, or with one
# older than 22.3, needs it.
if ! "$python" -m pip --python "$venv/bin/python" install "$@" --requirement requirements/pip.txt 2>/dev/null; then
    "$venv/bin/python" -m ensurepip >/dev/null
    "$venv/bin/python" -m pip install "$@" --requirement requirements/pip.txt ||
        echo "==> $venv keeps the pip of Python: slower, with the same packages"
fi
