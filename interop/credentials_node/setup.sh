#!/bin/sh
# Installs the npm implementations below target/. Where there is no node, installs Debian's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=$here/../../target/interop/credentials_node
if ! command -v npm >/dev/null 2>&1; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nodejs npm
fi
node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || {
    echo "node $(node --version) is too old: 18 or later is needed" >&2
    exit 1
}
mkdir -p "$target"
cp "$here/package.json" "$here/package-lock.json" "$target/"
npm ci --prefix "$target" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
echo "$target/node_modules"
