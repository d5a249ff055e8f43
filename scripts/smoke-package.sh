#!/usr/bin/env bash
# Packs the package, installs it into an empty folder and uses it as a stranger would.
#   smoke-package.sh [--no-boot]
# Exit code 77: skipped, for the reason on the last line of stderr.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD

skip() { printf '%s\n' "$*" >&2; exit 77; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }
step() { printf '%s\n' "- $*"; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
version=$(node -p 'require("./package.json").version')

step "pack"
npm pack --silent --pack-destination "$work" >/dev/null
tarball=$work/vmbuild-$version.tgz
if tar -tzf "$tarball" | grep -E '[.]test[.]|/test/'; then fail "the package contains tests"; fi

step "install"
mkdir "$work/consumer"
cd "$work/consumer"
echo '{ "name": "consumer", "private": true, "type": "module" }' >package.json
if ! npm install --prefer-offline --ignore-scripts --no-fund --no-audit --loglevel=error --fetch-retries=1 --fetch-retry-mintimeout=1000 \
    "$tarball" >/dev/null 2>install.log; then
    cat install.log >&2
    if grep -qE 'ENOTFOUND|ENOTCACHED|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|ETIMEDOUT' install.log; then
        skip "the npm registry cannot be reached and its packages are not in the cache"
    fi
    fail "the package does not install"
fi
vmbuild=$work/consumer/node_modules/.bin/vmbuild
package=$work/consumer/node_modules/vmbuild

step "import it as a library"
node --input-type=module --eval 'import "vmbuild";'

step "vmbuild --version, check, generate --no-images"
reported=$("$vmbuild" --version)
[[ $reported == *"$version"* ]] || fail "vmbuild --version says $reported, package.json $version"
for spec in "$package"/spec-examples/*.spec; do
    "$vmbuild" check "$spec" >/dev/null
done
for architecture in "$package"/examples/*.yml; do
    "$vmbuild" generate --no-images --architecture-path "$architecture"
done
[ "${1:-}" != --no-boot ] || exit 0

step "base image, plan, build, with a store of its own"
downloaded=${VMBUILD_STORE:-$checkout/.vmbuild/store}/state/recipe-cache
mkdir -p "$work/store/state"
chmod 700 "$work/store" "$work/store/state"
[ ! -d "$downloaded" ] || cp -r "$downloaded" "$work/store/state/"
export VMBUILD_STORE=$work/store
"$vmbuild" base build busybox
"$vmbuild" plan -f "$package/spec-examples/hello.spec" "$package"
"$vmbuild" build -f "$package/spec-examples/hello.spec" "$package"
