#!/usr/bin/env bash
# Builds the example image twice, in a store of its own (VMBUILD_STORE, set by the Makefile).
set -euo pipefail
cd "$(dirname "$0")/.."

vmbuild() {
    printf '\n$ vmbuild %s\n' "$*"
    node bin/vmbuild.js "$@"
}

vmbuild base build busybox --if-missing
vmbuild build -f spec-examples/hello.spec .
printf '\nThe same again: every step is in the store, so no machine is started.\n'
vmbuild build -f spec-examples/hello.spec .

cat <<TEXT

Next:
    export VMBUILD_STORE=$VMBUILD_STORE
    bin/vmbuild.js plan -f spec-examples/hello.spec .     what a build would do
    edit the last line of spec-examples/hello.spec and build again: only that step runs
    bin/vmbuild.js --help                                 all commands
    make test                                             the whole test suite
TEXT
