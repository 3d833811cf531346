#!/bin/sh
# Boots the hypervisor's ELFs on qemu-system-aarch64 and checks what they say and how they end.
#
#   hyp_on_qemu.sh ELF...
#
# Per ELF: without the node /hypervisor (its defaults), then with a device tree for each workload,
# 2-bit and 3-bit VMIDs. Every run must print one "pass" line per VM, "verdict: PASS" as its last
# line, no "FAIL", and end with status 0 by semihosting. QEMU's TLB does not keep VMIDs apart, so
# the variants with a mistake pass here too. Prints TAP.
#
# LONG=1 repeats each case ten times, half of them with instruction counting.

set -u
[ $# -ge 1 ] || { echo "usage: hyp_on_qemu.sh ELF..." >&2; exit 2; }

qemu=qemu-system-aarch64
board=virt,virtualization=on,gic-version=2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT INT TERM
number=0
failed=0

# name vmid-bits VMs, and further properties as name=value
cases='two-ids 2 4
publish-order 2 8
rollover-window 2 8 iterations=40
rollover-window 3 8 tick-counts=20000
everything 2 10 iterations=20'
count=$(($# * ($(printf '%s\n' "$cases" | wc -l) + 2)))

report() { # status name
    number=$((number + 1))
    if [ "$1" = 0 ]; then
        echo "ok $number - $2"
    else
        echo "not ok $number - $2"
        sed 's/^/# /' "$work/out"
        failed=1
    fi
}

boot() { # elf cpus [qemu arguments]: output in $work/out; the exit status is the machine's
    elf=$1 cpus=$2
    shift 2
    timeout 120 $qemu -M $board -cpu cortex-a57 -smp "$cpus" -m 64M -nic none -display none \
        -serial stdio -monitor none -semihosting -kernel "$elf" "$@" \
        >"$work/out" 2>"$work/err" </dev/null
    status=$?
    [ $status = 0 ] || { echo "status $status"; cat "$work/err"; } >>"$work/out"
    return $status
}

is_good() { # elf cpus VMs [qemu arguments]
    elf=$1 cpus=$2 vms=$3
    shift 3
    boot "$elf" "$cpus" "$@" || return 1
    grep -q "^hyp .*: $cpus CPUs, " "$work/out" || return 1
    [ "$(tail -n 1 "$work/out")" = 'verdict: PASS' ] || return 1
    ! grep -q FAIL "$work/out" || return 1
    [ "$(grep -c '^VM [0-9]*: pass$' "$work/out")" = "$vms" ]
}

is_good_often() { # like is_good
    is_good "$@" || return 1
    [ -n "${LONG:-}" ] || return 0
    for repeat in 1 2 3 4; do
        is_good "$@" || return 1
        is_good "$@" -icount "shift=$repeat,sleep=off" || return 1
    done
    is_good "$@" -icount shift=0,sleep=off
}

make_tree() { # workload bits [name=value]...: $work/tree.dtb
    $qemu -M $board,dumpdtb="$work/tree.dtb" -cpu cortex-a57 -smp 2 -m 64M -nic none \
        -display none >/dev/null 2>&1 || return 1
    fdtput -c "$work/tree.dtb" /hypervisor || return 1
    fdtput -t s "$work/tree.dtb" /hypervisor armillary,workload "$1" || return 1
    fdtput -t i "$work/tree.dtb" /hypervisor armillary,vmid-bits "$2" || return 1
    shift 2
    for property; do
        fdtput -t i "$work/tree.dtb" /hypervisor "armillary,${property%%=*}" \
            "${property#*=}" || return 1
    done
}

for program in $qemu fdtput timeout; do
    command -v "$program" >/dev/null || { echo "1..0 # SKIP no $program"; exit 0; }
done

echo "1..$count"
for elf; do
    name=$(basename "$elf" .elf)
    is_good_often "$elf" 2 10
    report $? "$name: defaults, 2 CPUs"
    is_good_often "$elf" 4 10
    report $? "$name: defaults, 4 CPUs"
    while read -r workload bits vms properties; do
        make_tree "$workload" "$bits" $properties && is_good_often "$elf" 2 "$vms" \
            -dtb "$work/tree.dtb" && grep -q ", $bits VMID bits$" "$work/out"
        report $? "$name: $workload, $bits VMID bits${properties:+, $properties}"
    done <<LIST
$cases
LIST
done
exit $failed
