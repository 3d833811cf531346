/*
 * IC IALLU is for this PE, IC IALLUIS for all of the domain: the PE that executes the new code is
 * another one.
 *
 * DDI 0487: IC IALLU, IC IALLUIS.
 */
#include "tests/pairs/patch.h"

static struct vcpu writer, executor;
static volatile uint64_t called, written;

static void executor_body(void)
{
    call_code();
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
    dc(cvau, CODE);
    dsb(ish);
#ifdef BAD
    ic(iallu);
#else
    ic(ialluis);
#endif
    dsb(ish);
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
