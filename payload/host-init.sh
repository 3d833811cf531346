#!/bin/sh
# The first process on the simulated machine. The kernel's command line says how far to go: MODE=bootonly, MODE=tiny,
# or all of it; VCPUS=N is how many the Linux guest gets.
export PATH=/bin
busybox mount -t devtmpfs dev /dev 2>/dev/null
busybox mount -t proc proc /proc
exec </dev/console >/dev/console 2>&1

# What the command line says, without starting a program for it.
mode=full
vcpus=1
read -r words </proc/cmdline
for word in $words; do
    case $word in
    MODE=*) mode=${word#*=} ;;
    VCPUS=*) vcpus=${word#*=} ;;
    esac
done

said()
{
    read -r up rest </proc/uptime
    echo "$* up=$up"
}

said "MARK-HOST-UP cpus=$(busybox nproc)"
case $mode in
bootonly) busybox poweroff -f ;;
reboot) busybox reboot -f ;;
shell)
    echo "a shell; poweroff -f ends the machine"
    busybox mount -t sysfs sys /sys
    tty=/dev/$(busybox sed 's/.* //' /sys/class/tty/console/active)
    busybox setsid -c busybox sh -i <"$tty" >"$tty" 2>&1
    busybox poweroff -f
    ;;
esac
busybox dmesg | busybox grep -iE 'kvm|vgic|GIC:|arch_timer'
vmm -m 16 /guest/tiny.bin
said "MARK-TINY-RC $?"
if [ "$mode" != tiny ]; then
    vmm -m @GUEST_MIB@ -c "$vcpus" -t "/guest/tree-$vcpus.dtb" -i /guest/initrd.cpio /guest/Image
    said "MARK-GUEST-RC $?"
fi
busybox grep -E 'vgic|arch_timer|uart|kvm|IPI' /proc/interrupts
busybox poweroff -f
