#!/bin/sh
# Runs in the new system once its packages are configured: what no file can say.
set -eu

systemctl --quiet enable systemd-networkd systemd-resolved grow-root ssh
# Timers that change the system by themselves make one build differ from the next.
systemctl --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer e2scrub_reap.service systemd-networkd-wait-online.service
# /tmp is kept across boots, which a file system in RAM is not.
systemctl --quiet mask tmp.mount
# SSH over VSOCK would load its drivers at every boot, for hosts that do not speak it.
mkdir -p /etc/systemd/system-generators
ln -s /dev/null /etc/systemd/system-generators/systemd-ssh-generator

# Without one cloud-init wants en_US.UTF-8, which the packages here cannot make, and fails.
echo LANG=C.UTF-8 >/etc/default/locale

passwd --quiet --lock root
rm -rf /var/log/journal
# Empty, not absent: systemd makes one at the first boot without taking that for an installation.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/ssh/ssh_host_*
chmod 700 /root/.ssh
chmod 600 /root/.ssh/authorized_keys
mv /root/host-key /etc/ssh/ssh_host_ed25519_key
chmod 600 /etc/ssh/ssh_host_ed25519_key
ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key >/etc/ssh/ssh_host_ed25519_key.pub
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf

grub_dir=/boot/grub
mkdir -p "$grub_dir"
mv /root/grub/grub.cfg "$grub_dir"
for platform in i386-pc x86_64-efi; do
    mkdir -p "$grub_dir/$platform"
    cp /usr/lib/grub/$platform/*.mod /usr/lib/grub/$platform/*.lst "$grub_dir/$platform"
done
modules='part_gpt ext2 search search_fs_uuid normal configfile linux echo minicmd test loadenv gzio'
# shellcheck disable=SC2086 # a list
grub-mkimage -O i386-pc -p /boot/grub -c /root/grub/load.cfg -o "$grub_dir/core.img" biosdisk $modules
# shellcheck disable=SC2086 # a list
grub-mkimage -O x86_64-efi -p /boot/grub -c /root/grub/load.cfg -o "$grub_dir/bootx64.efi" $modules
rm -r /root/grub
