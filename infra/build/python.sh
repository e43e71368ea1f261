#!/bin/sh
# Print the path of the first Python that runs, is 3.11 or later and has venv. PYTHON, if set, is the only candidate.
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
        command -v "$candidate"
        exit 0
    fi
done
echo "Python 3.11 or later with its venv module is needed${PYTHON:+, and $PYTHON is not one}: install it, or set PYTHON to its path." >&2
exit 1
