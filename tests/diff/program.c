/*
 * Builds the test program by writing its few instructions directly: no cross compiler is needed.
 * Everything is loaded at BARE_USER_BASE by one segment, ELF header included.
 */
#include "tests/diff/program.h"

#include <elf.h>
#include <string.h>

#define PROGRAM_CODE 0x1000u
#define BLOCK_BYTES 0x240u
#define WORD_IN_BLOCK 0xb4u
#define CURSOR (PROGRAM_DATA) /* the address of the record now in use */

#define OUT_AT offsetof(struct record, out)
#define OUT_X(n) (OUT_AT + 8u * (n))

const uint32_t program_pad[PROGRAM_PAD_COUNT] = {0, PROGRAM_CODE, 0x1f000, 0x23000, 0x3e000};

_Static_assert(sizeof(struct record) == PROGRAM_RECORD_BYTES, "a record is its room");
_Static_assert(OUT_AT % 16 == 0 && offsetof(struct registers, v) % 16 == 0, "in reach of STP");
_Static_assert(PROGRAM_BYTES <= BARE_USER_BYTES, "fits the bare core's memory");
_Static_assert(PROGRAM_BLOCKS + PROGRAM_WORDS * BLOCK_BYTES < 0x23000, "blocks before the pad");

struct code {
    struct program *program;
    uint32_t at; /* offset */
};

static void put(struct code *c, uint32_t word)
{
    memcpy(c->program->image + c->at, &word, sizeof word);
    c->at += 4;
}

static void put_constant(struct code *c, uint32_t reg, uint64_t value)
{
    ensure(value <= UINT32_MAX);
    put(c, UINT32_C(0xd2800000) | (uint32_t)(value & 0xffff) << 5 | reg); /* movz */
    put(c, UINT32_C(0xf2a00000) | (uint32_t)(value >> 16) << 5 | reg);    /* movk, lsl #16 */
}

static void put_load(struct code *c, uint32_t reg, uint32_t base, size_t offset)
{
    put(c, UINT32_C(0xf9400000) | (uint32_t)(offset / 8) << 10 | base << 5 | reg);
}

static void put_store(struct code *c, uint32_t reg, uint32_t base, size_t offset)
{
    put(c, UINT32_C(0xf9000000) | (uint32_t)(offset / 8) << 10 | base << 5 | reg);
}

/* LDP (is_load) or STP of reg and the next one. */
static void put_pair(struct code *c, bool is_load, uint32_t reg, uint32_t base, size_t offset)
{
    uint32_t word = is_load ? UINT32_C(0xa9400000) : UINT32_C(0xa9000000);
    put(c, word | (uint32_t)(offset / 8) << 15 | (reg + 1) << 10 | base << 5 | reg);
}

/* The same of vector register reg and the next one. */
static void put_vector_pair(struct code *c, bool is_load, uint32_t reg, uint32_t base)
{
    uint32_t word = is_load ? UINT32_C(0xad400000) : UINT32_C(0xad000000);
    size_t offset = offsetof(struct registers, v) + 16 * reg;
    put(c, word | (uint32_t)(offset / 16) << 15 | (reg + 1) << 10 | base << 5 | reg);
}

#define CLREX UINT32_C(0xd5033f5f)
#define MOV_SP_X0 UINT32_C(0x9100001f)
#define MOV_X0_SP UINT32_C(0x910003e0)
#define MSR_NZCV_X0 UINT32_C(0xd51b4200)
#define MRS_X0_NZCV UINT32_C(0xd53b4200)
#define MSR_FPCR_X0 UINT32_C(0xd51b4400)
#define MRS_X0_FPCR UINT32_C(0xd53b4400)
#define MSR_FPSR_X0 UINT32_C(0xd51b4420)
#define MRS_X0_FPSR UINT32_C(0xd53b4420)
#define MSR_TPIDR_X30 UINT32_C(0xd51bd05e)
#define MRS_X0_TPIDR UINT32_C(0xd53bd040)
#define BR_X30 UINT32_C(0xd61f03c0)
#define CMP_X30_X0 UINT32_C(0xeb0003df)
#define ADD_X30_OUT (UINT32_C(0x910003de) | (uint32_t)OUT_AT << 10)
#define SUB_X30_OUT (UINT32_C(0xd10003de) | (uint32_t)OUT_AT << 10)
#define ADD_X30_RECORD (UINT32_C(0x910003de) | PROGRAM_RECORD_BYTES << 10)
#define ADD_X3_X30 UINT32_C(0x910003c3)
#define B_NE UINT32_C(0x54000001)
#define SVC UINT32_C(0xd4000001)

/* x30 into TPIDR_EL0, the only other place; then x30 is the record. */
static void put_enter(struct code *c, bool saves_x30)
{
    if (saves_x30)
        put(c, MSR_TPIDR_X30);
    put_constant(c, 30, BARE_USER_BASE + CURSOR);
    put_load(c, 30, 30, 0);
}

/* Notes the pad's number, all registers kept, and goes on behind the block's word. */
static void put_pad(struct code *c, unsigned number)
{
    put_enter(c, true);
    put_store(c, 0, 30, OUT_X(0));
    put_constant(c, 0, number + 1);
    put_store(c, 0, 30, offsetof(struct record, mark));
    put_load(c, 0, 30, OUT_X(0));
    put_load(c, 30, 30, offsetof(struct record, resume));
    put(c, BR_X30);
}

static void put_save(struct code *c)
{
    put_enter(c, false);
    put(c, ADD_X30_OUT);
    for (uint32_t reg = 0; reg < 30; reg += 2)
        put_pair(c, false, reg, 30, 8u * reg);
    for (uint32_t reg = 0; reg < 32; reg += 2)
        put_vector_pair(c, false, reg, 30);
    put(c, MOV_X0_SP);
    put_store(c, 0, 30, offsetof(struct registers, sp));
    put(c, MRS_X0_NZCV);
    put_store(c, 0, 30, offsetof(struct registers, nzcv));
    put(c, MRS_X0_FPCR);
    put_store(c, 0, 30, offsetof(struct registers, fpcr));
    put(c, MRS_X0_FPSR);
    put_store(c, 0, 30, offsetof(struct registers, fpsr));
    put(c, MRS_X0_TPIDR);
    put_store(c, 0, 30, 8u * 30);
    put(c, SUB_X30_OUT);
    put_constant(c, 2, BARE_USER_BASE + PROGRAM_WINDOW);
    put(c, ADD_X3_X30 | (uint32_t)offsetof(struct record, window) << 10);
    for (uint32_t at = 0; at < PROGRAM_WINDOW_BYTES; at += 16) {
        put_pair(c, true, 0, 2, at);
        put_pair(c, false, 0, 3, at);
    }
}

static void put_block(struct code *c, unsigned i, const struct instance *instance)
{
    uint32_t top = PROGRAM_BLOCKS + i * BLOCK_BYTES;
    c->at = top;
    put(c, CLREX);
    put_enter(c, false);
    put_load(c, 0, 30, offsetof(struct registers, sp));
    put(c, MOV_SP_X0);
    put_load(c, 0, 30, offsetof(struct registers, nzcv));
    put(c, MSR_NZCV_X0);
    put_load(c, 0, 30, offsetof(struct registers, fpcr));
    put(c, MSR_FPCR_X0);
    put_load(c, 0, 30, offsetof(struct registers, fpsr));
    put(c, MSR_FPSR_X0);
    for (uint32_t reg = 0; reg < 32; reg += 2)
        put_vector_pair(c, true, reg, 30);
    for (uint32_t reg = 0; reg < 30; reg += 2)
        put_pair(c, true, reg, 30, 8u * reg);
    put_load(c, 30, 30, 8u * 30);
    put(c, instance->before);
    ensure(c->at == top + WORD_IN_BLOCK);
    put(c, instance->word);
    put(c, instance->behind);
    put_pad(c, 0);
    uint64_t resume = BARE_USER_BASE + c->at;
    for (unsigned k = 0; k < PROGRAM_SETS; k++)
        memcpy(c->program->image + PROGRAM_RECORD +
                   (i * PROGRAM_SETS + k) * PROGRAM_RECORD_BYTES + offsetof(struct record, resume),
               &resume, sizeof resume);
    put_save(c);
    put(c, ADD_X30_RECORD);
    put_constant(c, 1, BARE_USER_BASE + CURSOR);
    put_store(c, 30, 1, 0);
    put_constant(c, 0, BARE_USER_BASE + PROGRAM_RECORD +
                           (i + 1) * PROGRAM_SETS * PROGRAM_RECORD_BYTES);
    put(c, CMP_X30_X0);
    put(c, B_NE | ((top - c->at) / 4 & 0x7ffffu) << 5);
    ensure(c->at <= top + BLOCK_BYTES);
    uint32_t next = top + BLOCK_BYTES;
    put(c, UINT32_C(0x14000000) | (next - c->at) / 4);
}

/* write(1, data, size); exit(0) */
static void put_exit(struct code *c)
{
    c->at = PROGRAM_BLOCKS + PROGRAM_WORDS * BLOCK_BYTES;
    put_constant(c, 0, 1);
    put_constant(c, 1, BARE_USER_BASE + PROGRAM_DATA);
    put_constant(c, 2, PROGRAM_BYTES - PROGRAM_DATA);
    put_constant(c, 8, 64);
    c->program->exit = c->at;
    put(c, SVC);
    put_constant(c, 0, 0);
    put_constant(c, 8, 94);
    put(c, SVC);
}

static void put_header(struct program *p)
{
    Elf64_Ehdr header = {
        .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
        .e_type = ET_EXEC,
        .e_machine = EM_AARCH64,
        .e_version = EV_CURRENT,
        .e_entry = BARE_USER_BASE + PROGRAM_BLOCKS,
        .e_phoff = sizeof header,
        .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr),
        .e_phnum = 1,
    };
    Elf64_Phdr segment = {
        .p_type = PT_LOAD,
        .p_flags = PF_R | PF_W | PF_X,
        .p_vaddr = BARE_USER_BASE,
        .p_filesz = PROGRAM_BYTES,
        .p_memsz = PROGRAM_BYTES,
        .p_align = PAGE_BYTES,
    };
    memcpy(p->image, &header, sizeof header);
    memcpy(p->image + sizeof header, &segment, sizeof segment);
}

uint64_t program_word_address(unsigned i)
{
    return BARE_USER_BASE + PROGRAM_BLOCKS + i * BLOCK_BYTES + WORD_IN_BLOCK;
}

void program_build(struct program *p, const struct instance instances[PROGRAM_WORDS],
                   const struct registers in[PROGRAM_RECORDS], uint64_t seed)
{
    struct code c = {.program = p};
    memset(p, 0, sizeof *p);
    put_header(p);
    for (uint32_t at = 0; at < 256; at += 8)
        memcpy(p->image + PROGRAM_LITERALS + at, &(uint64_t){hash_mix(++seed)}, 8);
    for (uint32_t at = PROGRAM_DATA + 8; at < PROGRAM_RECORD; at += 8)
        memcpy(p->image + at, &(uint64_t){hash_mix(++seed)}, 8);
    memcpy(p->image + CURSOR, &(uint64_t){BARE_USER_BASE + PROGRAM_RECORD}, 8);
    for (unsigned i = 0; i < PROGRAM_RECORDS; i++)
        memcpy(p->image + PROGRAM_RECORD + i * PROGRAM_RECORD_BYTES, &in[i], sizeof in[i]);
    for (unsigned i = 1; i < PROGRAM_PAD_COUNT; i++) {
        c.at = program_pad[i];
        put_pad(&c, i);
    }
    for (unsigned i = 0; i < PROGRAM_WORDS; i++)
        put_block(&c, i, &instances[i]);
    put_exit(&c);
}
