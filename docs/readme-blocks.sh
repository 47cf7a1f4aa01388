#!/usr/bin/env bash
# Runs every `sh` block of the README, in order and in one shell, as a reader would.
#
# Blocks marked `sh ci-skip` are left out (the test command itself). Each block's last line must
# succeed; afterwards the facts that the README promises are checked.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; pkill -f "comity --home /tmp/org-[ab]" 2>/dev/null || true; rm -rf "$work" /tmp/org-a /tmp/org-b quiz.comity' EXIT
rm -rf /tmp/org-a /tmp/org-b

awk '/^```sh$/ {inside = 1; next} /^```/ {inside = 0} inside' README.md > "$work/blocks.sh"
blocks=$(grep -c '^```sh$' README.md)
if [[ $blocks -lt 6 ]]; then
    echo "only $blocks blocks found in the README" >&2
    exit 1
fi
bash -euo pipefail "$work/blocks.sh" < /dev/null > "$work/out" 2>&1 || {
    cat "$work/out"
    echo "a block of the README failed" >&2
    exit 1
}
for promised in '"answer": 42' 'proved: bruno@agents.org-b.test answered aria' '"name":"aria"' '"deliveries":\[\]'; do
    grep -qE "$promised" "$work/out" || {
        cat "$work/out"
        echo "the README's blocks ran, but nothing said: $promised" >&2
        exit 1
    }
done
echo "$blocks blocks ran as written"
