/*
 * CPU models: the values of identification registers and the set of features, from the rows of
 * cpu/models.def, with the two widths that the configuration may change (VMID and ASID). Timing
 * is not here.
 *
 * DDI 0487: ID_AA64MMFR0_EL1.ASIDBits and PARange, ID_AA64MMFR1_EL1.VMIDBits, MPIDR_EL1.
 */
#include "cpu/model.h"
#include "mmu/mmu.h"
#include "sim/base/base.h"
#include <string.h>

#include "gen/models.inc"

#define WIDTH_8 0u  /* ASIDBits and VMIDBits: 8 bits */
#define WIDTH_16 2u /* 16 bits */

const struct cpu_model *model_at(unsigned index)
{
    return index < ARRAY_COUNT(models_rows) ? &models_rows[index] : NULL;
}

const struct cpu_model *model_find(const char *name)
{
    for (unsigned i = 0; i < ARRAY_COUNT(models_rows); i++)
        if (strcmp(models_rows[i].name, name) == 0)
            return &models_rows[i];
    return NULL;
}

/* The feature set with one of its members put in or taken out by a width of 8 or 16. */
static uint32_t with_width(uint32_t features, enum sysreg_feature feature, unsigned bits)
{
    ensure(bits == 0 || bits == 8 || bits == 16);
    if (bits == 0)
        return features;
    return bits == 16 ? features | (uint32_t)feature : features & ~(uint32_t)feature;
}

struct cpu_model model_configure(const struct cpu_model *row, unsigned vmid_bits,
                                 unsigned asid_bits)
{
    struct cpu_model model = *row;
    model.features = with_width(model.features, SYSREG_FEATURE_VMID16, vmid_bits);
    model.features = with_width(model.features, SYSREG_FEATURE_ASID16, asid_bits);
    return model;
}

unsigned model_vmid_bits(const struct cpu_model *model)
{
    return model->features & SYSREG_FEATURE_VMID16 ? 16 : 8;
}

unsigned model_asid_bits(const struct cpu_model *model)
{
    return model->features & SYSREG_FEATURE_ASID16 ? 16 : 8;
}

static uint64_t row_value(const struct cpu_model *model, enum sysreg reg, unsigned index)
{
    for (unsigned i = 0; i < model->value_count; i++)
        if (model->values[i].reg == reg && model->values[i].index == index)
            return model->values[i].value;
    return 0; /* an unused selector of CCSIDR_EL1; the generator asks for all others */
}

uint64_t model_value(const struct cpu_model *model, enum sysreg reg, unsigned index, unsigned pe)
{
    uint64_t value = row_value(model, reg, index);
    if (reg == SR_CCSIDR_EL1 && model->cache_sets != 0 && value != 0 &&
        field_get(CCSIDR_EL1_NumSets, value) >= model->cache_sets)
        return (value & ~CCSIDR_EL1_NumSets) |
               field_put(CCSIDR_EL1_NumSets, model->cache_sets - 1);
    if (reg == SR_CNTFRQ_EL0 && model->counter_hz != 0)
        return model->counter_hz;
    if (reg == SR_MPIDR_EL1)
        return (value & ~MPIDR_EL1_Aff0) | field_put(MPIDR_EL1_Aff0, pe);
    if (reg == SR_ID_AA64MMFR0_EL1)
        return (value & ~ID_AA64MMFR0_EL1_ASIDBits) |
               field_put(ID_AA64MMFR0_EL1_ASIDBits,
                         model_asid_bits(model) == 16 ? WIDTH_16 : WIDTH_8);
    if (reg == SR_ID_AA64MMFR1_EL1)
        return (value & ~ID_AA64MMFR1_EL1_VMIDBits) |
               field_put(ID_AA64MMFR1_EL1_VMIDBits,
                         model_vmid_bits(model) == 16 ? WIDTH_16 : WIDTH_8);
    return value;
}

unsigned model_pa_bits(const struct cpu_model *model)
{
    static const uint8_t bits[] = {32, 36, 40, 42, 44, 48};
    uint64_t range = field_get(ID_AA64MMFR0_EL1_PARange,
                               row_value(model, SR_ID_AA64MMFR0_EL1, 0));
    ensure(range < ARRAY_COUNT(bits));
    return bits[range];
}

unsigned model_granules(const struct cpu_model *model)
{
    uint64_t mmfr0 = row_value(model, SR_ID_AA64MMFR0_EL1, 0);
    unsigned granules = 0;
    if (field_get(ID_AA64MMFR0_EL1_TGran4, mmfr0) == 0)
        granules |= MMU_GRANULE_4K;
    if (field_get(ID_AA64MMFR0_EL1_TGran16, mmfr0) == 1)
        granules |= MMU_GRANULE_16K;
    if (field_get(ID_AA64MMFR0_EL1_TGran64, mmfr0) == 0)
        granules |= MMU_GRANULE_64K;
    ensure(granules != 0);
    return granules;
}

unsigned model_mmu_features(const struct cpu_model *model)
{
    unsigned features = 0;
    if (model->features & SYSREG_FEATURE_HAFDBS)
        features |= MMU_FEATURE_AF | MMU_FEATURE_DIRTY;
    if (model->features & SYSREG_FEATURE_XNX)
        features |= MMU_FEATURE_XNX;
    if (model->features & SYSREG_FEATURE_HPDS)
        features |= MMU_FEATURE_HPD;
    return features;
}
