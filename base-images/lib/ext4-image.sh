# shellcheck shell=sh
# An ext4 image of a directory, without root and without mounting. Needs lib/recipe.sh.

# The same files make the same image: when everything in it was made (2023-01-01), and its UUID.
ext4_time=1672531200
ext4_uuid=76d6275c-696d-4764-8000-000000000001

# ext4_of DIR IMAGE SIZE: files belong to whom they belong to in DIR.
ext4_of() (
    rm -f "$2"
    truncate -s "$3" "$2"
    ext4_within "$1" "$2" "$3" 0
)

# ext4_within DIR DISK SIZE OFFSET: as ext4_of, OFFSET bytes into a disk that is there.
ext4_within() (
    need_tool mke2fs e2fsprogs
    dir=$1 image=$2 size=$3 offset=$4

    # Inode tables are written now (as holes), or the kernel would write them in the background after
    # the first mount, into every layer. The features are those that make a mount quick and allow a
    # mounted file system to grow; the host's mke2fs.conf has no say.
    printf '[fs_types]\n ext4 = {\n inode_size = 256\n }\n' >"$image.conf"
    export MKE2FS_CONFIG="$image.conf" E2FSPROGS_FAKE_TIME="$ext4_time"
    mke2fs -q -F -t ext4 -b 4096 -I 256 -i 16384 -G 256 -m 0 -U $ext4_uuid \
        -O none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,uninit_bg \
        -E offset="$offset",root_owner=0:0,hash_seed=$ext4_uuid,lazy_itable_init=0,lazy_journal_init=0 \
        -d "$dir" "$image" "$size" || fail "mke2fs could not make the image"
    rm "$image.conf"
)

# ext4_image DIR IMAGE SIZE [UID:GID PATH]...: everything belongs to root, whoever runs this, but for
# what is at or below each PATH (as seen in the image).
ext4_image() (
    dir=$1 image=$2 size=$3
    shift 3
    rm -f "$image"
    truncate -s "$size" "$image"
    ext4_image_within "$dir" "$image" "$size" 0 "$@"
)

# ext4_image_within DIR DISK SIZE OFFSET [UID:GID PATH]...: as ext4_image, OFFSET bytes into a disk that is there.
ext4_image_within() (
    need_tool debugfs e2fsprogs
    ext4_within "$1" "$2" "$3" "$4"
    dir=$1 image=$2 offset=$4
    shift 4
    {
        ext4_owners "$dir" 0 0 .
        while [ $# -ge 2 ]; do
            ext4_owners "$dir" "${1%:*}" "${1#*:}" ".$2"
            shift 2
        done
    } >"$image.debugfs"
    debugfs -w -f "$image.debugfs" "$image?offset=$offset" >"$image.log" 2>&1 || ext4_broken "$image.log"
    # debugfs succeeds whatever its commands do; its prompt repeats each of them.
    ! grep -vE '^debugfs( |:)' "$image.log" | grep . >&2 || ext4_broken "$image.log"
    rm "$image.debugfs" "$image.log"
)

ext4_broken() {
    tail -n 5 "$1" >&2
    fail 'debugfs could not set the owners of the files'
}

ext4_owners() (
    cd "$1" || exit
    find "$4" | sed 's/^\.\///; s/^\.$//' | awk -v uid="$2" -v gid="$3" -v time="$ext4_time" '{
        path = "\"/" $0 "\""
        print "set_inode_field " path " uid " uid
        print "set_inode_field " path " gid " gid
        print "set_inode_field " path " atime @" time
        print "set_inode_field " path " ctime @" time
        print "set_inode_field " path " mtime @" time
    }'
)
