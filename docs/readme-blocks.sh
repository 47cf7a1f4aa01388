#!/usr/bin/env bash
# Runs every `sh` block of a page, in order and in one shell, as a reader would: of the README and of
# docs/trust.md, or of the page named.
#
# Blocks marked `sh ci-skip` are left out (the test command itself). Each block's last line must
# succeed; afterwards the facts that the page promises are checked. `comity` is in PATH, or the README
# builds it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/target/release:$PATH"

# What somebody must have said by the end of a page.
promises() {
    case $1 in
        README.md)
            printf '%s\n' '"answer": 42' 'proved: bruno@agents.org-b.test answered aria' '"name":"aria"' '"deliveries":\[\]'
            ;;
        docs/trust.md)
            printf '%s\n' '"sum": 3' '"sum": 7' '2 decisions checked, 0 not as expected' 'would wait for you' \
                'at most 20 messages each, 20 messages in 1h each' 'let them in' 'ended +aria@agents.org-a.test' 'basis     blocked'
            ;;
    esac
}

run() {
    local page=$1 blocks work
    work=$(mktemp -d)
    rm -rf /tmp/org-a /tmp/org-b
    awk '/^```sh$/ {inside = 1; next} /^```/ {inside = 0} inside' "$page" > "$work/blocks.sh"
    blocks=$(grep -c '^```sh$' "$page")
    if [[ $blocks -lt 6 ]]; then
        echo "only $blocks blocks found in $page" >&2
        return 1
    fi
    # A session of its own: what the blocks leave running ends with it.
    setsid bash -euo pipefail "$work/blocks.sh" < /dev/null > "$work/out" 2>&1 &
    local shell=$! ended=0
    wait $shell || ended=$?
    kill -- -$shell 2>/dev/null || true
    if [[ $ended != 0 ]]; then
        cat "$work/out"
        echo "a block of $page failed" >&2
        return 1
    fi
    while read -r promised; do
        grep -qE "$promised" "$work/out" || {
            cat "$work/out"
            echo "the blocks of $page ran, but nothing said: $promised" >&2
            return 1
        }
    done < <(promises "$page")
    rm -rf "$work" /tmp/org-a /tmp/org-b quiz.comity
    echo "$page: $blocks blocks ran as written"
}

for page in "${@:-README.md}"; do run "$page"; done
[[ $# -gt 0 ]] || run docs/trust.md
