import { quoteWord } from "../machine/posix-quote.ts";

/**
 * The words before a command that run it with the ids and groups in the shell variables `uid`, `gid` and `account`,
 * for guests whose base system has perl and no setpriv: OpenBSD's `su` knows accounts only.
 *
 * The groups are those of the account (`id -G`), and the group alone where the id has none.
 */
export const byPerl = [
  "perl -MPOSIX -e",
  quoteWord(
    [
      "my ($uid, $gid, $account) = splice @ARGV, 0, 3;",
      'my $groups = $account eq "" ? $gid : `id -G -- $account`;',
      "$) = qq($gid $groups);",
      "POSIX::setgid($gid) and POSIX::setuid($uid) or exit 125;",
      "$< == $uid && $> == $uid or exit 125;",
      "exec { $ARGV[0] } @ARGV or exit 127;",
    ].join(" "),
  ),
  '"$uid" "$gid"',
].join(" ");
