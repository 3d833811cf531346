/*
 * The part of VMID handling that all variants share: the flush at a rollover, done at EL2.
 */

#include "hyp/host/vmid.h"

#include "hyp/el2/el2.h"

void vmid_flush_all(void)
{
    el2_call(EL2_CALL_TLB_FLUSH_ALL, NULL, 0);
}
