#!/bin/sh
# The base image "debian-12": see README.md. What it reads and writes is the same for every recipe:
# ../README.md.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
recipe_lib=$here/../lib
# shellcheck source=../lib/recipe.sh
. "$recipe_lib/recipe.sh"
# shellcheck source=../lib/as-root.sh
. "$recipe_lib/as-root.sh"
# shellcheck source=../lib/debian-packages.sh
. "$recipe_lib/debian-packages.sh"
# shellcheck source=../lib/ext4-image.sh
. "$recipe_lib/ext4-image.sh"
# shellcheck source=../lib/efi-disk.sh
. "$recipe_lib/efi-disk.sh"
# shellcheck source=../lib/gpt-disk.sh
. "$recipe_lib/gpt-disk.sh"
# shellcheck source=../lib/debian/system.sh
. "$recipe_lib/debian/system.sh"

debian_system bookworm 8G
