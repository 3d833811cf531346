/*
 * Why a vCPU came out, and what the host does about it. WFI and WFE give the CPU to the next
 * thread, or let it sleep until an interrupt, the next tick at the latest; a translation fault at
 * stage 2 gets a page; hypercalls are those of guest.h; anything else is the end of the VM.
 *
 * DDI 0487: ESR_EL2 (EC, ISS of data and instruction aborts), HPFAR_EL2, FAR_EL2.
 */

#include "gen/esr.h"
#include "hyp/guest/guest.h"
#include "hyp/host/console.h"
#include "hyp/host/page.h"
#include "hyp/host/vm.h"
#include "hyp/host/workload.h"

/* A fault status code without the level in its lowest bits. */
#define FSC_TYPE (ISS_DATA_ABORT_DFSC & ~3u)

static const char *const failure_name[GUEST_FAIL_COUNT] = {
    [GUEST_FAIL_PRIVATE] = "private data",
    [GUEST_FAIL_REMAPPED] = "stale mapping",
    [GUEST_FAIL_RELEASED] = "released page",
    [GUEST_FAIL_USER] = "user data",
    [GUEST_FAIL_TIMEOUT] = "no answer",
    [GUEST_FAIL_EXCEPTION] = "exception",
};

void vcpu_report_failure(struct vcpu *vcpu, uint64_t kind, const uint64_t detail[3])
{
    console_print("VM %u vCPU %u: FAIL %s at %x expected %x seen %x\n", vcpu->vm->number,
                  vcpu->number, kind < GUEST_FAIL_COUNT ? failure_name[kind] : "unknown kind",
                  detail[0], detail[1], detail[2]);
    workload_report_failure();
}

static void vcpu_end_unexpected(struct vcpu *vcpu)
{
    console_print("VM %u vCPU %u: FAIL exit ESR_EL2 %x FAR_EL2 %x HPFAR_EL2 %x PC %x\n",
                  vcpu->vm->number, vcpu->number, vcpu->esr, vcpu->far, vcpu->hpfar, vcpu->pc);
    workload_report_failure();
}

static bool is_guest_ram(uint64_t ipa_bytes)
{
    return ipa_bytes >= GUEST_BASE && ipa_bytes < GUEST_BASE + GUEST_RAM_BYTES;
}

void vcpu_handle_fault(struct vcpu *vcpu)
{
    uint64_t ipa_bytes = (vcpu->hpfar & HPFAR_EL2_FIPA) << 8;

    if ((vcpu->esr & FSC_TYPE) != FSC_TRANSLATION_L0 || !is_guest_ram(ipa_bytes)) {
        vcpu_end_unexpected(vcpu);
        return;
    }
    void *page = page_alloc_zeroed();
    if (!stage2_map(vcpu->vm, ipa_bytes, page))
        page_free(page);
}

/* The guest gives a page back; the next access to it finds a new one. */
static void vcpu_release_page(struct vcpu *vcpu, uint64_t ipa_bytes)
{
    if (!is_guest_ram(ipa_bytes)) {
        vcpu_end_unexpected(vcpu);
        return;
    }
    void *page = stage2_unmap(vcpu->vm, ipa_bytes);
    if (page != NULL)
        page_free(page);
}

void vcpu_handle_hypercall(struct vcpu *vcpu)
{
    switch (vcpu->x[0]) {
    case GUEST_CALL_PASS:
        vcpu->is_finished = true;
        return;
    case GUEST_CALL_FAIL:
        vcpu_report_failure(vcpu, vcpu->x[1], &vcpu->x[2]);
        return;
    case GUEST_CALL_RELEASE:
        vcpu_release_page(vcpu, vcpu->x[1]);
        return;
    default:
        vcpu_end_unexpected(vcpu);
        return;
    }
}

void vcpu_handle_exit(struct vcpu *vcpu, uint64_t why)
{
    if (why == GUEST_EXIT_IRQ)
        return;                            /* taken already */
    switch (field_of(ESR_ELx_EC, vcpu->esr)) {
    case ESR_EC_WFX:
        vcpu->pc += 4;
        thread_wait();
        return;
    case ESR_EC_HVC64:
        vcpu_handle_hypercall(vcpu);
        return;
    case ESR_EC_IABT_LOWER:
    case ESR_EC_DABT_LOWER:
        vcpu_handle_fault(vcpu);
        return;
    default:
        vcpu_end_unexpected(vcpu);
        return;
    }
}
