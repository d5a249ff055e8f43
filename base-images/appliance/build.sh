#!/bin/sh
# The base image "appliance": busybox with the programs for LVM, LUKS, NTFS and btrfs. See README.md.
set -eu

exec bash "$(dirname "$0")/../busybox/build.sh" with-storage
