#!/bin/sh
# Installs the Standard Webhooks library into a virtual environment below target/. Where Python can't make
# one, installs Debian's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
venv=$here/../../target/interop/standard_webhooks_python
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3-venv >&2
fi
python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
echo "$venv/bin/python"
