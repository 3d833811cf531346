/*
 * The part of VMID handling that all variants share: the flush at a rollover. It is done at EL2,
 * where alone all VMIDs can be named, by one broadcast (el2/tlb/); when, and by whom, is the
 * variant's business.
 */

#include "hyp/host/vmid.h"

#include "hyp/el2/el2.h"

void vmid_flush_all(void)
{
    el2_call(EL2_CALL_TLB_FLUSH_ALL, NULL, 0);
}
