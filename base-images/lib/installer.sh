# shellcheck shell=sh
# Installs a system from its own media, in QEMU. Needs lib/recipe.sh and its $work.

# What the installed system says on its first serial port when it is complete, before it turns itself off.
install_done='vmbuild-install: done'
# What it says when it is not, and why.
install_failed='vmbuild-install: failed'

# need_media VARIABLE OPTION WHAT WHERE: the file in VARIABLE must be there; OPTION hands it in.
need_media() {
    eval "media=\${$1:-}"
    [ -n "$media" ] || fail "this needs $3: hand it in with $2 FILE (or $1); it is to be had from $4"
    { [ -f "$media" ] && [ -r "$media" ]; } || fail "$2 $media is no file that can be read"
}

# iso_extract ISO PATH DEST: copies a file or directory out of an ISO 9660 image.
iso_extract() {
    xorriso -report_about SORRY -osirrox on:auto_chmod_on -indev "stdio:$1" -extract "$2" "$3" >&2 ||
        fail "$1 has no $2"
}

# iso_list ISO PATTERN: paths in an ISO 9660 image whose names match, one a line.
iso_list() {
    xorriso -report_about SORRY -indev "stdio:$1" -find / -name "$2" 2>/dev/null | sed "s/^'\(.*\)'$/\1/"
}

# need_bootable_iso ISO WHAT: fails for what no PC's BIOS starts from.
need_bootable_iso() {
    xorriso -report_about SORRY -indev "stdio:$1" -report_el_torito plain 2>/dev/null |
        grep -q '^El Torito boot img :.* BIOS ' ||
        fail "$1 is no ISO image that a PC starts from; give $2"
}

# iso_make DIR FILE: an ISO image of a directory, named VMBUILD, for Windows and Unix alike.
iso_make() {
    xorriso -report_about SORRY -as mkisofs -quiet -V VMBUILD -J -R -o "$2" "$1" >&2 ||
        fail "xorriso could not make $2"
}

# random_password: for an account that nobody is to log into by it; long, and of the kinds of characters that Windows asks for.
random_password() {
    printf 'Vm1-%s\n' "$(LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 40)"
}

# qemu_path PATH: as part of an option of QEMU's.
qemu_path() {
    printf '%s\n' "$1" | sed 's/,/,,/g'
}

# run_installer DISK SIZE MEMORY MACHINE ARGS...: starts a PC with an empty raw disk, which ARGS attach as `system`,
# and waits until it turns itself off. It must have said $install_done on its serial port by then.
# $run_within, if it is set, is a command that QEMU is started by.
run_installer() {
    disk=$1 disk_size=$2 memory=$3 machine=$4
    shift 4
    limit=${VMBUILD_INSTALL_TIMEOUT:-14400}
    serial=$work/serial.log
    : >"$serial"
    truncate -s "$disk_size" "$disk"
    case ${VMBUILD_ACCELERATOR:-tcg} in
    kvm) accelerator=kvm cpu=host ;;
    *) accelerator=tcg,tb-size=256 cpu=max ;;
    esac
    if [ -n "${VMBUILD_INSTALL_VNC:-}" ]; then
        set -- "$@" -vnc "$VMBUILD_INSTALL_VNC"
        say "its screen is on VNC $VMBUILD_INSTALL_VNC"
    else
        say 'to watch its screen, set VMBUILD_INSTALL_VNC to an address such as 127.0.0.1:1 for VNC'
    fi
    say "its serial port is written to $serial"
    say "installing with ${accelerator%%,*}; it may take $((limit / 60)) minutes (VMBUILD_INSTALL_TIMEOUT, in seconds)"
    status=0
    # In this process group, so that whoever ends the recipe ends QEMU.
    timeout --foreground -k 10 "$limit" ${run_within:+"$run_within"} \
        qemu-system-x86_64 -nodefaults -no-user-config -machine "$machine" -accel "$accelerator" -cpu "$cpu" \
        -smp 2 -m "$memory" -display none -vga std \
        -chardev "file,id=serial0,path=$(qemu_path "$serial")" -serial chardev:serial0 \
        -blockdev "driver=raw,node-name=system,discard=unmap,detect-zeroes=unmap,file.driver=file,file.filename=$(qemu_path "$disk")" \
        "$@" >&2 || status=$?
    if why=$(grep -a -m 1 -F "$install_failed" "$serial"); then
        install_fail "the installed system says: $(printf '%s' "$why" | tr -d '\r')"
    fi
    case $status in
    0) ;;
    124 | 137) install_fail "the installation was not done after $limit s (VMBUILD_INSTALL_TIMEOUT)" ;;
    *) install_fail "QEMU ended with $status" ;;
    esac
    grep -a -q -F "$install_done" "$serial" ||
        install_fail 'the machine turned itself off before the installation was done'
    [ "$(head -c 512 "$disk" | tr -d '\0' | wc -c)" != 0 ] ||
        install_fail 'the installation left the disk without a boot sector'
}

# install_fail WHY: with what the machine said last.
install_fail() {
    say 'the last lines of its serial port:'
    tr -d '\r' <"$serial" | tr -c '\n\t -~' '?' | tail -n 15 | sed 's/^/  /' >&2
    fail "$@"
}
