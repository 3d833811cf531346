/*
 * ISB on the other PEs: all maintenance can be broadcast, but the context synchronization can not.
 * Every PE that executes the new code has to synchronize itself, behind the DSB of the PE that
 * wrote.
 *
 * DDI 0487: "Synchronization and coherency issues between data and instruction accesses".
 */
#include "tests/pairs/patch.h"

static struct vcpu writer, executor;
static volatile uint64_t called, written;

static void executor_body(void)
{
    call_code();
    flag_set(&called, 1);
    flag_wait(&written, 1);
#ifndef BAD
    isb();
#endif
    if (call_code() != 2)
        pair_fail();
}

static void writer_body(void)
{
    flag_wait(&called, 1);
    write_code(2);
    publish_code();
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
