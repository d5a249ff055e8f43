#!/usr/bin/env bash
# Runs the unit tests on the current LTS of Node, which the npm package `node` contains.
# Exit code 77: skipped, for the reason on the last line of stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
lts=24

skip() { printf '%s\n' "$*" >&2; exit 77; }
major() { "$1" -p 'process.versions.node.split(".")[0]'; }

[ "$(major node)" -lt "$lts" ] || skip "this run is on Node $(node --version) already"
node=$(
    npx --yes --prefer-offline --ignore-scripts=false --fetch-retries=1 \
        --package="node@$lts" -- node -p process.execPath
) || skip "npm could not provide Node $lts"
[ "$(major "$node")" = "$lts" ] || skip "npm provided Node $("$node" --version) instead of $lts"

PATH=$(dirname "$node"):$PATH exec node node_modules/vitest/vitest.mjs run --project unit "$@"
