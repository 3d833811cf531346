/*
 * What differs between two states of the GIC, for observers: who listens keeps the state of before
 * and asks afterwards, so that nothing is noted down while nobody does.
 */
#pragma once
#include "gic/gic.h"

enum gic_change_kind {
    GIC_CHANGE_PENDING,     /* an interrupt's latch: 0 or 1; of an SGI the PEs that ask for it */
    GIC_CHANGE_ACTIVE,      /* an interrupt's active state: 0 or 1 */
    GIC_CHANGE_LIST,        /* a list register */
    GIC_CHANGE_PRIORITIES,  /* active priorities of a CPU interface */
    GIC_CHANGE_EOI_COUNT,   /* GICH_HCR.EOICount */
    GIC_CHANGE_MAINTENANCE, /* the level of the maintenance interrupt */
};

/* Why, as far as it can be told from the access: events have it, the GIC itself does not. */
enum gic_why {
    GIC_WHY_WRITTEN,
    GIC_WHY_ACKNOWLEDGED,
    GIC_WHY_ENDED,       /* GICx_EOIR, GICx_AEOIR */
    GIC_WHY_DEACTIVATED, /* GICx_DIR */
    GIC_WHY_LINE,
};

#define GIC_NO_PE 255u

struct gic_change {
    enum gic_change_kind kind;
    uint8_t pe;         /* whose it is; of an SPI GIC_NO_PE */
    uint8_t is_virtual; /* PRIORITIES: of GICV */
    uint8_t index;      /* LIST: which; PRIORITIES: the group */
    uint16_t intid;     /* PENDING, ACTIVE */
    uint32_t old, now;
};

typedef void gic_change_sink(void *context, const struct gic_change *change);

/* Tells each difference, in a fixed order. Both states are of one configuration. */
void gic_changes(const struct gic *before, const struct gic *now, gic_change_sink *sink,
                 void *context);
