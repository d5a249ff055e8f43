#!/usr/bin/env bash
# A source file that has outgrown 400 lines is two files.
set -euo pipefail
cd "$(dirname "$0")/.."

find src -name '*.ts' -exec wc -l {} + |
    awk '$2 != "total" && $1 > 400 { print $2 " has " $1 " lines, 400 are allowed"; bad = 1 } END { exit bad }'
