#!/bin/sh
# The first process on the simulated machine. The kernel's command line says how far to go: MODE=bootonly, MODE=tiny,
# or all of it; VCPUS=N is how many the Linux guest gets.
export PATH=/bin
busybox mount -t devtmpfs dev /dev 2>/dev/null
busybox mount -t proc proc /proc
exec </dev/console >/dev/console 2>&1

option()
{
    busybox sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" /proc/cmdline
}

uptime()
{
    busybox cut -d' ' -f1 /proc/uptime
}

echo "MARK-HOST-UP cpus=$(busybox nproc) up=$(uptime)"
mode=$(option MODE)
case $mode in
bootonly) busybox poweroff -f ;;
reboot) busybox reboot -f ;;
shell)
    echo "a shell; poweroff -f ends the machine"
    busybox setsid busybox cttyhack sh
    busybox poweroff -f
    ;;
esac
busybox dmesg | busybox grep -iE 'kvm|vgic|GIC:|arch_timer'
vmm -m 16 /guest/tiny.bin
echo "MARK-TINY-RC $? up=$(uptime)"
if [ "$mode" != tiny ]; then
    vcpus=$(option VCPUS)
    vmm -m @GUEST_MIB@ -c "${vcpus:-1}" -t "/guest/tree-${vcpus:-1}.dtb" -i /guest/initrd.cpio /guest/Image
    echo "MARK-GUEST-RC $? up=$(uptime)"
fi
busybox grep -E 'vgic|arch_timer|uart|kvm|IPI' /proc/interrupts
busybox poweroff -f
