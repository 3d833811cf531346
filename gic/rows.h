/*
 * The rows of gicv2.def at run time: which register stands at an offset of a frame, and what it
 * is made of.
 */
#pragma once
#include "gen/gicv2.h"
#include "gic/gic.h"
#include "sim/base/regs.h"

/* The row of a register; row < GICV2_COUNT. Const data, for the model and for observers. */
const struct mmio_row *gic_row(enum gicv2 row);

/* The register that covers a byte offset of a frame, or GICV2_COUNT when there is none. */
enum gicv2 gic_row_find(enum gic_frame frame, uint32_t offset);

/* Bytes of a frame; 0 for frames that are not modelled. */
uint32_t gic_frame_size(enum gic_frame frame);
