/* CPU models (cpu/models.def): what the identification registers say, and which features are
 * there. Const data; configuration overrides are applied by model_value(). */
#pragma once
#include "cpu/sysreg_row.h"

/* The value of a register with reset=id; index counts the caches of CCSIDR_EL1 (CSSELR_EL1). */
struct sysreg_value {
    enum sysreg reg;
    unsigned index;
    uint64_t value;
};

struct cpu_model {
    const char *name;
    const char *what;
    uint32_t features; /* enum sysreg_feature */
    const struct sysreg_value *values;
    unsigned value_count;
    uint32_t cache_sets; /* at most so many in any cache; 0: the model's own */
    uint32_t counter_hz; /* what firmware tells of the counter (CNTFRQ_EL0); 0: the row's */
};

/* The model of this name, or NULL; and the models by number, NULL past the last. */
const struct cpu_model *model_find(const char *name);
const struct cpu_model *model_at(unsigned index);

/*
 * A copy of a row with the configuration's widths: 8 or 16; 0 keeps the model's own. The features
 * vmid16 and asid16, and so the identification registers, follow.
 */
struct cpu_model model_configure(const struct cpu_model *row, unsigned vmid_bits,
                                 unsigned asid_bits);

/* The value of an identification register on PE `pe`; index as in struct sysreg_value. */
uint64_t model_value(const struct cpu_model *model, enum sysreg reg, unsigned index, unsigned pe);

/* ID_AA64MMFR0_EL1.PARange as a number of bits. */
unsigned model_pa_bits(const struct cpu_model *model);
/* MMU_GRANULE_* and MMU_FEATURE_* as its identification registers say them. */
unsigned model_granules(const struct cpu_model *model);
unsigned model_mmu_features(const struct cpu_model *model);
/* Widths as the identification registers of this model say them. */
unsigned model_vmid_bits(const struct cpu_model *model);
unsigned model_asid_bits(const struct cpu_model *model);
