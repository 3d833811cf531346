/* Fuzz target: the parser of the text form of events; what it takes, it writes back the same. */
#include <stdlib.h>
#include <string.h>

#include "gen/trace.h"
#include "tests/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1), again[EVENT_TEXT_MAX];
    struct event event;
    struct error error;

    ensure(text != NULL);
    if (size)
        memcpy(text, bytes, size);
    text[size] = 0;
    if (event_text_parse(text, &event, &error)) {
        ensure(event_text_write(&event, again, sizeof again) < sizeof again);
        ensure(strcmp(text, again) == 0);
    } else {
        ensure(error.text[0] != 0 && !strchr(error.text, '\n'));
    }
    free(text);
    return 0;
}

/* One event of each kind, its fields counting up. */
const uint8_t *fuzz_seed(unsigned index, size_t *size)
{
    static const char *const sysregs[] = {"SCTLR_EL1", "HCR_EL2", NULL, "VTTBR_EL2"};
    static char text[EVENT_TEXT_MAX];
    struct event event;

    if (index >= EVENT_KIND_COUNT)
        return NULL;
    event_set_sysreg_names(sysregs, ARRAY_COUNT(sysregs));
    memset(&event, 0, sizeof event);
    event.kind = (uint8_t)index;
    event.step = 1000 + index;
    for (size_t i = 0; i < event_rows[index].field_count; i++)
        event_field_set(&event, &event_rows[index].fields[i], i);
    *size = event_text_write(&event, text, sizeof text);
    return (const uint8_t *)text;
}
