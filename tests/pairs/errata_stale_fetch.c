/*
 * The erratum stale-fetch: IC IVAU removes lines from the instruction caches of other PEs, but not
 * what these have fetched already, so that an old instruction is executed behind all barriers.
 *
 * The workaround is a broadcast TLBI, of any address, and a DSB behind the IC: a PE that receives
 * it fetches anew.
 * DDI 0487: "Concurrent modification and execution of instructions"; Neoverse N1 1542419.
 */
#include "tests/pairs/patch.h"

static struct vcpu writer, executor;
static volatile uint64_t called, written;

static void executor_body(void)
{
    if (call_code() != 1)
        pair_fail();
    flag_set(&called, 1);
    flag_wait(&written, 1);
    isb();
    if (call_code() != 2)
        pair_fail();
}

static void writer_body(void)
{
    flag_wait(&called, 1);
    write_code(2);
    publish_code();
#ifndef BAD
    tlbi_by(vae1is, 0);
    dsb(ish);
#endif
    flag_set(&written, 1);
}

static void other_cpu(void)
{
    vcpu_run(&executor);
}

void pair_main(void)
{
    uint64_t *stage1 = stage1_new();
    first_code(el2_root);
    map_page(stage1, CODE, DATA_PAGE(0), STAGE1_RW);
    vcpu_init(&writer, NULL, 0, stage1, 1, writer_body);
    vcpu_init(&executor, NULL, 0, stage1, 1, executor_body);
    pair_start(1, other_cpu);
    vcpu_run(&writer);
    pair_join(1);
}
