/*
 * Planted drops: their text, and where in the run they came to pass. What is left out and how it is
 * counted is the cores' matter (cpu/drop.h); here are only answers, given beforehand.
 *
 * Not told: what would have come of the operation. A drop that no checker reports may have been
 * of no consequence - a second barrier, an entry that was not there - and often is.
 *
 * DDI 0487: TLBI, DSB, DMB, ISB, DC, IC, SEV.
 */
#include "sim/drop.h"
#include "cpu/drop.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[DROP_KIND_COUNT] = {
#define DROP_ROW(ID, name) [DROP_##ID] = #name,
    DROP_ROWS(DROP_ROW)
#undef DROP_ROW
};

const char *drop_kind_name(unsigned kind)
{
    return kind < DROP_KIND_COUNT ? kind_names[kind] : NULL;
}

static unsigned kind_of(const char *text, size_t length)
{
    unsigned kind = 0;
    while (kind < DROP_KIND_COUNT && (strlen(kind_names[kind]) != length ||
                                      strncmp(kind_names[kind], text, length) != 0))
        kind++;
    return kind;
}

static bool refuse_kind(const char *text, struct error *error)
{
    char all[128] = "";
    for (unsigned kind = 0; kind < DROP_KIND_COUNT; kind++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", kind == 0 ? "" : ", ", kind_names[kind]);
    }
    return error_set(error, "%s: no KIND:N, like tlbi:12, with KIND one of %s", text, all);
}

bool drop_parse(struct drop_list *list, const char *text, struct error *error)
{
    size_t length = strcspn(text, ":");
    unsigned kind = kind_of(text, length);
    uint64_t number;
    if (kind == DROP_KIND_COUNT || text[length] != ':')
        return refuse_kind(text, error);
    if (!config_parse_number(text + length + 1, &number) || number == 0 || number > UINT32_MAX)
        return error_set(error, "%s: %s is no number from 1 to %" PRIu32, text,
                         text + length + 1, UINT32_MAX);
    struct choice_name name = {.ordinal = number - 1, .object = kind, .kind = CHOICE_DROP};
    for (unsigned i = 0; i < list->count; i++) {
        if (choice_name_compare(&list->record[i].name, &name) == 0)
            return error_set(error, "%s: given twice", text);
    }
    if (list->count == DROP_MAX)
        return error_set(error, "%s: more than %u", text, DROP_MAX);
    list->record[list->count++] = (struct choice_record){.name = name, .n = 2, .answer = 1};
    return true;
}

void drop_open(const struct drop_list *list, struct machine_config *config)
{
    if (list->count != 0)
        config->open_mask |= 1u << CHOICE_DROP;
}

static void hear(void *context, const struct event *e)
{
    struct drop_list *list = context;
    for (unsigned i = 0; i < list->count; i++) {
        const struct choice_name *name = &list->record[i].name;
        if (name->object != e->drop.what || name->ordinal != e->drop.number)
            continue;
        list->done[i] = (struct drop_done){
            .step = e->step, .pc = list->machine->state->cpu[e->pe].pc, .pe = e->pe};
        list->told(list->told_context, list, i);
    }
}

void drop_plant(struct drop_list *list, struct machine *m, bool only_these, drop_told *told,
                void *told_context)
{
    if (list->count == 0)
        return;
    list->machine = m;
    list->told = told;
    list->told_context = told_context;
    choice_records_sort(list->record, list->count);
    m->chooser.planted = list->record;
    m->chooser.planted_count = list->count;
    m->chooser.planted_only = only_these ? 1u << CHOICE_DROP : 0;
    events_attach(&m->events, hear, list, UINT64_C(1) << EVENT_DROP);
}

void drop_close(struct drop_list *list)
{
    if (list->machine)
        events_detach(&list->machine->events, hear, list);
}

void drop_text(const struct drop_list *list, unsigned row, char *text, size_t size)
{
    const struct choice_name *name = &list->record[row].name;
    snprintf(text, size, "%s:%" PRIu64, kind_names[name->object], name->ordinal + 1);
}

uint32_t drop_executed(const struct drop_list *list, unsigned row)
{
    return list->machine->side->counts.asked[CHOICE_DROP][list->record[row].name.object];
}
