#!/bin/sh
# The first process on the simulated machine, from the initramfs or from a disk. The kernel's command line says how far
# to go: MODE=bootonly, MODE=tiny, MODE=stage2 (all phases of it, or those that PHASES=NAME,NAME says), or all but that;
# VCPUS=N is how many the Linux guest gets; with console=hvc0 the console is a virtio device, for which the stock kernel
# has modules.
export PATH=/bin
busybox mount -t devtmpfs dev /dev 2>/dev/null
busybox mount -t proc proc /proc

# What the command line says, without starting a program for it.
mode=full
vcpus=1
phases=
console=
read -r words </proc/cmdline
for word in $words; do
    case $word in
    MODE=*) mode=${word#*=} ;;
    VCPUS=*) vcpus=${word#*=} ;;
    PHASES=*) phases=${word#*=} ;;
    console=hvc*) console=virtio ;;
    esac
done
if [ "$console" = virtio ]; then
    for module in @CONSOLE_MODULES@; do
        busybox grep -q "^$module " /proc/modules || busybox insmod "/modules/$module.ko"
    done
    # A device with several ports tells of them later.
    tries=0
    until (: </dev/console) 2>/dev/null || [ $tries = 100 ]; do
        busybox sleep 0.1
        tries=$((tries + 1))
    done
fi
exec </dev/console >/dev/console 2>&1

said()
{
    read -r up rest </proc/uptime
    echo "$* up=$up"
}

# A root file system on a disk is left clean, with a file that tells that it was written; only there is it.
leave()
{
    if [ -e /written ] && busybox grep -q '^/dev/vda / ext4 rw' /proc/mounts; then
        read -r written </written
        echo "$((written + 1))" >/written
        busybox mount -o remount,ro / && said "MARK-ROOT-CLEAN $((written + 1))"
    fi
    busybox "$1" -f
}

said "MARK-HOST-UP cpus=$(busybox nproc)"
[ ! -e /written ] || busybox grep '^/dev/vda' /proc/mounts
case $mode in
bootonly) leave poweroff ;;
shell)
    echo "a shell; poweroff -f ends the machine"
    busybox mount -t sysfs sys /sys
    tty=/dev/$(busybox sed 's/.* //' /sys/class/tty/console/active)
    busybox setsid -c busybox sh -i <"$tty" >"$tty" 2>&1
    leave poweroff
    ;;
esac
busybox dmesg | busybox grep -iE 'kvm|vgic|GIC:|arch_timer'
if [ "$mode" = stage2 ]; then
    # shellcheck disable=SC2086
    (IFS=,; vmm -s $phases)
    said "MARK-STAGE2-RC $?"
    leave poweroff
fi
vmm -m 16 /guest/tiny.bin
said "MARK-TINY-RC $?"
# The machine starts again with KVM on, and does all of this a second time.
[ "$mode" != reboot ] || leave reboot
if [ "$mode" != tiny ]; then
    vmm -m @GUEST_MIB@ -c "$vcpus" -t "/guest/tree-$vcpus.dtb" -i /guest/initrd.cpio /guest/Image
    said "MARK-GUEST-RC $?"
fi
busybox grep -E 'vgic|arch_timer|uart|kvm|IPI' /proc/interrupts
leave poweroff
