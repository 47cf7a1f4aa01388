#!/bin/sh
# Installs the Python implementation into a virtual environment below target/.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/interop/didcomm_python
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
echo "$venv/bin/python"
