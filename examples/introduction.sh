#!/usr/bin/env bash
# Three organisations: "I trust Aria, and Aria trusts Bruno, therefore I accept Bruno's message in
# this context." Carol (C) never met Bruno (B). Aria (A) knows both, and vouches for Bruno to C: for
# one protocol, at most 20 messages, until Friday. Nobody at C is asked; then come the refusals, each
# with its reason, and the end.
#
#   cargo build --release --workspace && PATH=$PWD/target/release:$PATH examples/introduction.sh
#
# Needs `comity` and `carol` in PATH, and jq.
set -euo pipefail
here=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$here"' EXIT

say() { printf '\n== %s\n' "$*"; }
fail() { echo "not as expected: $*" >&2; exit 1; }
# shown TEXT COMMAND…: runs it until it prints TEXT, then shows that.
shown() {
    local text=$1 out; shift
    for _ in $(seq 150); do
        out=$("$@" 2>&1) || true
        if [[ $out == *"$text"* ]]; then echo "$out"; return; fi
        sleep 0.2
    done
    fail "no \"$text\" in: $out"
}

A() { comity --home "$here/a" "$@"; }
B() { comity --home "$here/b" "$@"; }
C() { comity --home "$here/c" "$@"; }
port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
door() { exec comity --home "$here/$1" up --quiet --host "agents.org-$1.test" --agent-door 127.0.0.1:0 --vouch-look 1s; } # revocations are felt within a second; 5m if nobody says
quotes=https://example.org/quotes/1.0
hello=https://example.org/hello/1.0
carol=carol@agents.org-c.test
ask='{"part": "bearings", "pieces": 4}'

say "three nodes, and an agent at each"
export COMITY_HOST_MAP="agents.org-a.test=127.0.0.1:$(port),agents.org-b.test=127.0.0.1:$(port),agents.org-c.test=127.0.0.1:$(port)"
for one in a b c; do door $one & done
for one in a b c; do shown agents. comity --home "$here/$one" status > /dev/null; done
A agent create aria > /dev/null; B agent create bruno > /dev/null; B agent create dora > /dev/null; C agent create carol > /dev/null
COMITY_HOME=$here/c carol > "$here/carol" &
A policy add bruno --peer bruno@agents.org-b.test --they-may $hello --until 1d > /dev/null
B send --as bruno aria@agents.org-a.test $hello/hi '{}' --wait received > /dev/null
B grant

say "C honours Aria: one rule"
C policy add friends-of-aria --vouched-by aria@agents.org-a.test --they-may $quotes --until 30d

say "A vouches for Bruno; his node gets it by itself"
A vouch issue aria bruno@agents.org-b.test --to agents.org-c.test --may $quotes --uses 20 --until friday \
    --purpose "he pays his bills"
vouch=$(A vouch --json | jq -r '.issued[0].id')
shown aria@ B vouch > /dev/null

say "Bruno asks Carol, whom he never met"
B ask --as bruno $carol $quotes/request "$ask" --wait 30s
shown "on the word of" cat "$here/carol"
C grant show "$(C grant --json | jq -r '.[0].id')"

say "refused: another protocol than he was vouched for"
B send --as bruno $carol $hello/hi '{}' --wait received --timeout 5s && fail "it passed" || true
C policy explain bruno@agents.org-b.test carol $hello/hi && fail "it would pass" || true
shown "vouched" C knock
C knock deny

say "refused: Dora comes with the vouch that is Bruno's to use, and not his to pass on"
B vouch issue bruno dora@agents.org-b.test --to agents.org-c.test --may $quotes --keep > /dev/null
handed=$(B vouch --json | jq -r '.issued[0].id')
jq -s '[.[].chain[0]]' <(A vouch show "$vouch" --json) <(B vouch show "$handed" --json) | B vouch import -
B send $carol $quotes/request "$ask" --as dora --wait received --timeout 5s && fail "it passed" || true
shown "does not count" C knock
C knock deny

say "refused: whoever comes on the word of somebody whom no rule of C names"
B vouch issue bruno anton@agents.org-a.test --to agents.org-c.test --may $quotes --keep > /dev/null
A agent create anton > /dev/null
B vouch show "$(B vouch --json | jq -r '.issued[1].id')" --json | A vouch import -
A send $carol $quotes/request "$ask" --as anton --wait received --timeout 5s && fail "it passed" || true
shown "does not count" C knock
C knock deny

say "refused: at another organisation than the vouch is for; Anton honours Aria, too"
A policy add friends-of-aria --vouched-by aria@agents.org-a.test --agent anton --they-may $quotes --until 30d > /dev/null
B send --as bruno anton@agents.org-a.test $quotes/request "$ask" --wait received --timeout 5s && fail "it passed" || true
shown "bruno@" A knock
A policy explain bruno@agents.org-b.test anton $quotes/request && fail "it would pass" || true

say "A takes its word back: C and B end what stood on it"
A vouch revoke "$vouch"
shown "vouch-revoked" C grant show "$(C grant --all --json | jq -r '.[0].id')"
shown "vouch-revoked" B grant --all --json > /dev/null
B send --as bruno $carol $quotes/request "$ask" --purpose "once more" --wait received --timeout 5s && fail "it passed" || true
shown "was revoked" C knock
say "as told"
