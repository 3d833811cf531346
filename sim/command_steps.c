/*
 * Walking in a recording by commands. Here are the commands and what they print; going anywhere
 * is session.c's. Each command is a row of a table, with its arguments and a sentence for `help`.
 *
 * An address is a number, a symbol, or a symbol and an offset (name+0x10), all of them linked or
 * virtual ones; memory is shown and watched as the CPU whose turn it is sees it, or by physical
 * addresses (pa:0x40001000), which findings name and which are the same for every CPU.
 */
#include "sim/command_steps.h"
#include "sim/signals.h"

#include "cpu/disasm.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 4u
#define SHOWN_MAX 4096u /* words of memory, instructions; count_of() tells the number */
#define PLACE_TEXT_MAX 256u
#define PHYSICAL "pa:"

struct steps {
    struct session *session;
    const struct names *names;
    char *word[WORDS_MAX]; /* of the line; word[0] is the command */
    unsigned word_count;
    bool is_over, was_interrupted;
    enum status status;
};

/* False after saying what is wrong with the line. */
typedef bool steps_run(struct steps *s);
struct steps_command {
    const char *name, *arguments;
    unsigned least, most; /* arguments */
    steps_run *run;
    const char *sentence; /* NULL: another name of the one before */
};

static bool bad(const char *format, const char *word)
{
    fflush(stdout);
    fprintf(stderr, "armillary replay: ");
    fprintf(stderr, format, word);
    fputc('\n', stderr);
    return false;
}

/* --- arguments ---------------------------------------------------------------------------- */

static bool number_of(struct steps *s, unsigned index, uint64_t otherwise, uint64_t *value)
{
    *value = otherwise;
    if (index >= s->word_count || config_parse_number(s->word[index], value))
        return true;
    return bad("%s is no number", s->word[index]);
}

/* How many are to be shown: 8, or what the line says. */
static bool count_of(struct steps *s, uint64_t *count)
{
    if (!number_of(s, 2, 8, count))
        return false;
    return *count <= SHOWN_MAX || bad("%s: no more than 4096 are shown at a time", s->word[2]);
}

static bool cpu_of(struct steps *s, unsigned index, unsigned *pe)
{
    uint64_t number;
    *pe = session_machine(s->session)->state->current;
    if (index >= s->word_count)
        return true;
    if (!number_of(s, index, 0, &number))
        return false;
    if (number >= session_machine(s->session)->config.pe_count)
        return bad("there is no CPU %s", s->word[index]);
    *pe = (unsigned)number;
    return true;
}

static bool symbol_address(const struct names *names, const char *name, uint64_t *address)
{
    return names->place ? symbols_address(names->place->symbols, name, address)
                        : image_symbol_address(names->image, name, address);
}

static bool address_of(const struct steps *s, const char *word, uint64_t *address)
{
    char name[128];
    uint64_t offset = 0;
    const char *plus = strchr(word, '+');
    size_t length = plus ? (size_t)(plus - word) : strlen(word);
    if (config_parse_number(word, address))
        return true;
    if (strncmp(word, PHYSICAL, sizeof PHYSICAL - 1) == 0)
        return bad("%s: a physical address is for mem, changed and changer only", word);
    if (length == 0 || length >= sizeof name || (plus && !config_parse_number(plus + 1, &offset)))
        return bad("%s is no address", word);
    memcpy(name, word, length);
    name[length] = 0;
    if (!symbol_address(s->names, name, address))
        return bad("there is no symbol %s", name);
    *address += offset;
    return true;
}

static bool kinds_of(const char *list, uint64_t *mask)
{
    char name[32];
    *mask = 0;
    while (config_next_name(&list, name, sizeof name)) {
        unsigned kind;
        if (!event_kind_by_name(name, &kind))
            return bad("%s is no kind of event", name);
        *mask |= UINT64_C(1) << kind;
    }
    return true;
}

/* A place of memory: a virtual address of the CPU whose turn it is, or a physical one. */
struct place {
    uint64_t address;
    bool is_physical;
};

static bool place_of(const struct steps *s, const char *word, struct place *place)
{
    place->is_physical = strncmp(word, PHYSICAL, sizeof PHYSICAL - 1) == 0;
    if (!place->is_physical)
        return address_of(s, word, &place->address);
    return config_parse_number(word + sizeof PHYSICAL - 1, &place->address) ||
           bad("%s is no address", word);
}

static bool is_memory(const struct machine *m, uint64_t pa)
{
    uint8_t byte;
    return machine_peek(m, pa_make(pa), &byte, 1);
}

static bool nothing_at(const struct machine *m, const struct place *place, bool is_mapped)
{
    char text[120];
    int length = snprintf(text, sizeof text, "%s0x%" PRIx64, place->is_physical ? PHYSICAL : "",
                          place->address);
    if (place->is_physical || is_mapped)
        return bad("there is no memory at %s", text);
    length += snprintf(text + length, sizeof text - (size_t)length, " is not mapped on CPU %u",
                       m->state->current);
    if (is_memory(m, place->address))
        snprintf(text + length, sizeof text - (size_t)length, " (" PHYSICAL "0x%" PRIx64
                 " is memory)", place->address);
    return bad("%s", text);
}

/* Where a place lies in memory. */
static bool physical_of(const struct steps *s, const struct place *place, pa_t *pa)
{
    struct machine *m = session_machine(s->session);
    struct walk walk;
    bool is_mapped = false;
    *pa = pa_make(place->address);
    if (!place->is_physical) {
        is_mapped = machine_peek_va(m, m->state->current, va_make(place->address), &walk);
        *pa = walk.result.pa;
    }
    if ((place->is_physical || is_mapped) && is_memory(m, pa->bits))
        return true;
    return nothing_at(m, place, is_mapped);
}

/* --- what is shown ------------------------------------------------------------------------ */

static void show_instruction(const struct steps *s, unsigned pe, uint64_t va)
{
    struct machine *m = session_machine(s->session);
    char where[PLACE_TEXT_MAX], text[A64_TEXT_BYTES];
    uint32_t word;
    struct walk walk;
    code_text(s->names, m, pe, va, where, sizeof where);
    place_print(stdout, va, where);
    fputs(": ", stdout);
    if (machine_peek_va(m, pe, va_make(va), &walk) &&
        machine_peek(m, walk.result.pa, &word, sizeof word)) {
        a64_disassemble(word, va, text, sizeof text);
        printf("%s\n", text);
    } else {
        printf("nothing to execute\n");
    }
}

static const char *wait_text(uint8_t wait)
{
    return wait == CPU_RUNS ? "runs" : wait == CPU_IS_OFF ? "is off" : "waits";
}

static void show_cpu(const struct steps *s, unsigned pe)
{
    const struct machine *m = session_machine(s->session);
    const struct cpu *cpu = &m->state->cpu[pe];
    printf("  %c CPU %u %s at EL%u, instruction %" PRIu64 ": ",
           pe == m->state->current ? '>' : ' ', pe, wait_text(cpu->wait), cpu->el, cpu->insns);
    show_instruction(s, pe, cpu->pc);
}

static bool show_where(struct steps *s)
{
    const struct machine *m = session_machine(s->session);
    printf("step %" PRIu64 " of %" PRIu64 ", cycle %" PRIu64 "\n", session_step(s->session),
           session_last(s->session), m->state->now);
    for (unsigned pe = 0; pe < m->config.pe_count; pe++)
        show_cpu(s, pe);
    return true;
}

static bool show_registers(struct steps *s)
{
    unsigned pe;
    if (!cpu_of(s, 1, &pe))
        return false;
    cpu_report_to(stdout, session_machine(s->session), pe, s->names);
    return true;
}

static bool show_memory(struct steps *s)
{
    struct place at;
    uint64_t count;
    if (!place_of(s, s->word[1], &at) || !count_of(s, &count))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value;
        pa_t pa;
        if (!physical_of(s, &at, &pa)) {
            printf("%s", i % 4 == 0 ? "" : "\n");
            return false;
        }
        at.address &= ~UINT64_C(7);
        machine_peek(session_machine(s->session), pa_make(pa.bits & ~UINT64_C(7)), &value,
                     sizeof value);
        if (i % 4 == 0)
            printf("%s%016" PRIx64 ":", at.is_physical ? PHYSICAL : "", at.address);
        at.address += 8;
        printf(" %016" PRIx64 "%s", value, i % 4 == 3 || i + 1 == count ? "\n" : "");
    }
    return true;
}

static bool show_code(struct steps *s)
{
    const struct machine *m = session_machine(s->session);
    unsigned pe = m->state->current;
    uint64_t va = m->state->cpu[pe].pc, count;
    if ((s->word_count > 1 && !address_of(s, s->word[1], &va)) || !count_of(s, &count))
        return false;
    for (uint64_t i = 0; i < count; i++)
        show_instruction(s, pe, va + 4 * i);
    return true;
}

static bool show_symbol(struct steps *s)
{
    char text[PLACE_TEXT_MAX];
    uint64_t address;
    if (!address_of(s, s->word[1], &address))
        return false;
    address_text(s->names, address, text, sizeof text);
    place_print(stdout, address, text);
    putchar('\n');
    return true;
}

static bool show_hash(struct steps *s)
{
    printf("hash %016" PRIx64 "\n", machine_hash(session_machine(s->session)));
    return true;
}

static bool show_snapshots(struct steps *s)
{
    const struct timeline *t = session_timeline(s->session);
    printf("%zu snapshots, %zu bytes beside the machine:", timeline_snapshots(t),
           timeline_bytes(t));
    for (size_t i = 0; i < timeline_snapshots(t); i++)
        printf(" %" PRIu64, timeline_snapshot_step(t, i));
    putchar('\n');
    return true;
}

static bool show_finding(struct steps *s)
{
    const struct run_verdict *v = &session_replay(s->session)->trace->verdict;
    if (v->result == RUN_VIOLATION)
        finding_print(stdout, &v->finding, s->names, session_machine(s->session));
    else
        printf("the recording ends with %s\n", run_result_name(v->result));
    return true;
}

/* --- where one goes ----------------------------------------------------------------------- */

static bool arrive(struct steps *s, enum session_stop stop)
{
    switch (stop) {
    case SESSION_THERE:
        break;
    case SESSION_START:
        printf("the start of the recording\n");
        break;
    case SESSION_END:
        printf("the end of the recording\n");
        break;
    case SESSION_INTERRUPTED:
        printf("interrupted\n");
        s->was_interrupted = true;
        break;
    case SESSION_DIVERGED:
        fflush(stdout);
        fprintf(stderr, "armillary replay: diverged: %s\n", session_divergence(s->session));
        s->status = STATUS_DIVERGED;
        s->is_over = true;
        break;
    }
    printf("step %" PRIu64, session_step(s->session));
    unsigned pe = session_machine(s->session)->state->current;
    printf("  CPU %u EL%u  ", pe, session_machine(s->session)->state->cpu[pe].el);
    show_instruction(s, pe, session_machine(s->session)->state->cpu[pe].pc);
    return true;
}

static bool go_to(struct steps *s)
{
    uint64_t step;
    if (strcmp(s->word[1], "start") == 0)
        step = session_first(s->session);
    else if (strcmp(s->word[1], "end") == 0)
        step = session_last(s->session);
    else if (!number_of(s, 1, 0, &step))
        return false;
    return arrive(s, session_seek(s->session, step));
}

static bool go_steps(struct steps *s, bool backwards)
{
    uint64_t count, now = session_step(s->session);
    unsigned pe;
    if (!number_of(s, 1, 1, &count) || !cpu_of(s, 2, &pe))
        return false;
    if (s->word_count > 2)
        return arrive(s, session_step_pe(s->session, pe, count, backwards));
    uint64_t ahead = count > UINT64_MAX - now ? UINT64_MAX : now + count;
    if (!backwards)
        return arrive(s, session_seek(s->session, ahead));
    bool is_start = count > now - session_first(s->session);
    enum session_stop stop =
        session_seek(s->session, is_start ? session_first(s->session) : now - count);
    return arrive(s, is_start && stop == SESSION_THERE ? SESSION_START : stop);
}

static bool go_on(struct steps *s)
{
    return go_steps(s, false);
}

static bool go_back(struct steps *s)
{
    return go_steps(s, true);
}

static bool find(struct steps *s, const struct session_target *target, bool backwards)
{
    struct session_found found;
    enum session_stop stop = session_find(s->session, target, backwards, &found);
    if (stop == SESSION_THERE && found.is_event) {
        char text[EVENT_TEXT_MAX];
        event_text_write(&found.event, text, sizeof text);
        puts(text);
    }
    return arrive(s, stop);
}

static bool find_event(struct steps *s, bool backwards)
{
    struct session_target target = {.pe = -1};
    return kinds_of(s->word[1], &target.events) && find(s, &target, backwards);
}

static bool find_pc(struct steps *s, bool backwards)
{
    struct session_target target = {.has_pc = true, .pe = -1};
    unsigned pe;
    uint64_t number;
    if (!config_parse_number(s->word[1], &number))
        target.place = s->names->place; /* by name: code may be elsewhere than linked */
    if (!address_of(s, s->word[1], &target.pc) || !cpu_of(s, 2, &pe))
        return false;
    if (s->word_count > 2)
        target.pe = (int)pe;
    return find(s, &target, backwards);
}

static bool find_store(struct steps *s, bool backwards)
{
    struct session_target target = {.pe = -1};
    struct place at;
    if (!place_of(s, s->word[1], &at) || !number_of(s, 2, 8, &target.watch_size) ||
        !physical_of(s, &at, &target.watch))
        return false;
    if (target.watch_size == 0 ||
        target.watch_size > PAGE_BYTES - target.watch.bits % PAGE_BYTES)
        return bad("%s bytes there are not in one page", s->word_count > 2 ? s->word[2] : "8");
    return find(s, &target, backwards);
}

static bool next_event(struct steps *s)
{
    return find_event(s, false);
}

static bool previous_event(struct steps *s)
{
    return find_event(s, true);
}

static bool next_pc(struct steps *s)
{
    return find_pc(s, false);
}

static bool previous_pc(struct steps *s)
{
    return find_pc(s, true);
}

static bool next_store(struct steps *s)
{
    return find_store(s, false);
}

static bool previous_store(struct steps *s)
{
    return find_store(s, true);
}

/* --- the table ---------------------------------------------------------------------------- */

static bool quit(struct steps *s)
{
    s->is_over = true;
    return true;
}

static bool help(struct steps *s);

static const struct steps_command commands[] = {
    {"where", "", 0, 0, show_where, "the position, and each CPU's instruction (> has its turn)"},
    {"to", "STEP|start|end", 1, 1, go_to, "go there"},
    {"step", "[N [CPU]]", 0, 2, go_on, "N steps on, or instructions of one CPU (1)"},
    {"back", "[N [CPU]]", 0, 2, go_back, "the same backwards"},
    {"next", "KIND[,KIND]", 1, 1, next_event, "to behind the next event of these kinds"},
    {"prev", "KIND[,KIND]", 1, 1, previous_event, "to behind the last one before"},
    {"until", "PLACE [CPU]", 1, 2, next_pc, "to the next instruction at an address or a name"},
    {"since", "PLACE [CPU]", 1, 2, previous_pc, "back to the last one before"},
    {"changed", "PLACE [BYTES]", 1, 2, next_store, "to behind the next store that changes it"},
    {"changer", "PLACE [BYTES]", 1, 2, previous_store, "to behind the last store that did (8)"},
    {"regs", "[CPU]", 0, 1, show_registers, "registers"},
    {"mem", "PLACE [N]", 1, 2, show_memory, "N words of 8 bytes (8)"},
    {"code", "[PLACE [N]]", 0, 2, show_code, "N instructions (8, from the one to be executed)"},
    {"symbol", "PLACE", 1, 1, show_symbol, "address and name"},
    {"finding", "", 0, 0, show_finding, "what was found, or how the recording ends"},
    {"hash", "", 0, 0, show_hash, "of the state"},
    {"snapshots", "", 0, 0, show_snapshots, "how many, what they take, and where they are"},
    {"help", "", 0, 0, help, "this list"},
    {"quit", "", 0, 0, quit, "end; also exit or q"},
    {"exit", "", 0, 0, quit, NULL},
    {"q", "", 0, 0, quit, NULL},
};

static bool help(struct steps *s)
{
    (void)s;
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        const struct steps_command *c = &commands[i];
        if (c->sentence)
            printf("%-9s %-15s %s\n", c->name, c->arguments, c->sentence);
    }
    printf("PLACE is an address, SYMBOL or SYMBOL+OFFSET; of mem, changed and changer also\n"
           "pa:ADDRESS, a physical one as findings name it.\n");
    return true;
}

static bool split(struct steps *s, char *line)
{
    s->word_count = 0;
    for (char *at = line + strspn(line, " \t\r\n"); *at != 0; at += strspn(at, " \t\r\n")) {
        if (s->word_count == WORDS_MAX)
            return bad("%s ...: too many words", s->word[0]);
        s->word[s->word_count++] = at;
        at += strcspn(at, " \t\r\n");
        if (*at != 0)
            *at++ = 0;
    }
    return true;
}

static bool execute(struct steps *s, char *line)
{
    if (!split(s, line))
        return false;
    if (s->word_count == 0 || s->word[0][0] == '#')
        return true;
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        const struct steps_command *c = &commands[i];
        if (strcmp(c->name, s->word[0]) != 0)
            continue;
        if (s->word_count - 1 < c->least || s->word_count - 1 > c->most)
            return bad("%s: wrong number of arguments (see help)", c->name);
        return c->run(s);
    }
    return bad("%s is no command (see help)", s->word[0]);
}

/* False at the end of the input. At a terminal Ctrl-C only drops the line. */
static bool read_line(struct steps *s, bool is_terminal, char **line, size_t *capacity)
{
    for (;;) {
        if (is_terminal)
            printf("%" PRIu64 "> ", session_step(s->session));
        fflush(stdout);
        if (getline(line, capacity, stdin) >= 0)
            return true;
        if (!run_is_interrupted()) {
            if (is_terminal)
                putchar('\n'); /* behind the prompt */
            return false;
        }
        run_interrupt_clear();
        clearerr(stdin);
        if (!is_terminal || signals_must_end()) {
            s->status = STATUS_INTERRUPTED;
            return false;
        }
        putchar('\n');
    }
}

enum status steps_walk(struct session *session, const struct names *names)
{
    struct steps s = {.session = session, .names = names, .status = STATUS_EXPECTED};
    bool is_terminal = isatty(STDIN_FILENO) == 1;
    char *line = NULL;
    size_t capacity = 0;
    while (!s.is_over && read_line(&s, is_terminal, &line, &capacity)) {
        s.was_interrupted = false;
        bool is_good = execute(&s, line);
        if (!(s.was_interrupted && signals_must_end()) &&
            (is_terminal || (is_good && !s.was_interrupted)))
            continue;
        s.status = s.was_interrupted ? STATUS_INTERRUPTED : STATUS_USAGE;
        break;
    }
    free(line);
    return s.status;
}
