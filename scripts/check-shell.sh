#!/usr/bin/env bash
# Checks the shell scripts, those of the base images too; what a script sources is checked with it.
# Exit code 77: skipped, for the reason on the last line of stderr.
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t scripts < <(
    find .ci scripts base-images -type f -exec awk 'FNR == 1 && /^#!.*sh$/ { print FILENAME }' {} +
)
for script in "${scripts[@]}"; do
    bash -n "$script"
done
if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is not installed: only the syntax was checked" >&2
    exit 77
fi
# SC2187: busybox's shell is checked as dash, its nearest relative.
shellcheck --external-sources --check-sourced --source-path=SCRIPTDIR --exclude=SC2187 "${scripts[@]}"
