#!/bin/sh
# The first process of the initramfs that has a root file system on a virtio disk: it loads the modules of the stock
# kernel that this takes, mounts the disk, and goes on with the first process there (host-init.sh).
export PATH=/bin
busybox mount -t devtmpfs dev /dev 2>/dev/null
for module in @ROOT_MODULES@; do
    busybox insmod "/modules/$module.ko" || echo "MARK-NO-MODULE $module" >/dev/console
done
busybox mount -t ext4 -o rw /dev/vda /root || {
    busybox mount -t proc proc /proc
    busybox cat /proc/partitions >/dev/console
    echo "MARK-NO-ROOT" >/dev/console
    busybox poweroff -f
}
exec busybox switch_root /root /init
