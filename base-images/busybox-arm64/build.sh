#!/bin/sh
# The base image "busybox-arm64": busybox for arm64, which UEFI boots. See ../busybox/README.md.
set -eu

VMBUILD_ARCH=arm64 exec bash "$(dirname "$0")/../busybox/build.sh"
