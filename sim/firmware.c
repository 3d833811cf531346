/*
 * Firmware of the machine: power states of PEs and of the system by PSCI, and discovery by SMCCC.
 * It answers SMC although there is no EL3 (as the board does), and HVC when the payload is
 * entered at EL1. A PE in a standby or power-down state wakes by any interrupt that is signalled
 * to it; out of a power-down state it always begins at the entry point. CPU_ON is done at once,
 * so that ON_PENDING is answered by no call of this machine.
 *
 * One call is our own: FIRMWARE_GUEST_INPUT lets a scenario's guest draw a number that the search
 * chooses. Other machines answer NOT_SUPPORTED, and guests take that for 0.
 *
 * Not there, and answered NOT_SUPPORTED as PSCI_FEATURES says: the functions that PSCI 1.1 leaves
 * optional, but for SYSTEM_SUSPEND, SYSTEM_RESET2 and CPU_DEFAULT_SUSPEND. A warm reset is the
 * same as a cold one, which keeps RAM but for what the boot loader writes. No ARCH_WORKAROUND is
 * needed: nothing speculates in a way that they would mend.
 *
 * Arm DEN 0022: PSCI functions, return codes. Arm DEN 0028: SMC Calling Convention.
 */
#include "sim/firmware.h"

enum psci_status {
    PSCI_SUCCESS = 0,
    PSCI_NOT_SUPPORTED = -1,
    PSCI_INVALID_PARAMETERS = -2,
    PSCI_DENIED = -3,
    PSCI_ALREADY_ON = -4,
    PSCI_ON_PENDING = -5,
    PSCI_INVALID_ADDRESS = -9,
};

#define SMCCC_INVALID_PARAMETER (-3)
#define SMCCC_64 UINT32_C(0x40000000) /* the SMC64 form of a function ID */

#define PSCI_VERSION_1_1 UINT64_C(0x00010001)
#define SMCCC_VERSION_1_1 UINT64_C(0x00010001)
#define MIGRATE_NOT_REQUIRED UINT64_C(2)

/* Function IDs in their SMC32 form. */
#define SMCCC_VERSION UINT32_C(0x80000000)
#define SMCCC_ARCH_FEATURES UINT32_C(0x80000001)
#define PSCI_VERSION UINT32_C(0x84000000)
#define PSCI_CPU_SUSPEND UINT32_C(0x84000001)
#define PSCI_CPU_OFF UINT32_C(0x84000002)
#define PSCI_CPU_ON UINT32_C(0x84000003)
#define PSCI_AFFINITY_INFO UINT32_C(0x84000004)
#define PSCI_MIGRATE_INFO_TYPE UINT32_C(0x84000006)
#define PSCI_SYSTEM_OFF UINT32_C(0x84000008)
#define PSCI_SYSTEM_RESET UINT32_C(0x84000009)
#define PSCI_FEATURES UINT32_C(0x8400000a)
#define PSCI_CPU_DEFAULT_SUSPEND UINT32_C(0x8400000c)
#define PSCI_SYSTEM_SUSPEND UINT32_C(0x8400000e)
#define PSCI_SYSTEM_RESET2 UINT32_C(0x84000012)

/* Affinity fields of MPIDR_EL1 as PSCI passes them: Aff3, Aff2, Aff1, Aff0. */
#define AFFINITY_64 UINT64_C(0xff00ffffff)
#define AFFINITY_32 UINT64_C(0x00ffffff)

/* power_state in the original format: all but level, type and state ID must be zero. */
#define POWER_STATE_ZEROS UINT64_C(0xfcfe0000)
#define POWER_STATE_DOWN UINT64_C(0x00010000)

#define RESET_TYPE_WARM UINT64_C(0) /* of SYSTEM_RESET2; bit 31: vendors' own */

static struct firmware_result returns(int64_t value)
{
    return (struct firmware_result){.value = (uint64_t)value, .answers = 1};
}

static struct firmware_result acts(enum firmware_action action)
{
    return (struct firmware_result){.action = action, .answers = 1};
}

static bool is_entry_point(const struct firmware_request *request, uint64_t entry)
{
    return entry % 4 == 0 && entry >= request->ram_base &&
           entry - request->ram_base < request->ram_bytes;
}

static struct firmware_result power_down(const struct firmware_request *request, uint64_t entry,
                                         uint64_t context)
{
    if (!is_entry_point(request, entry))
        return returns(PSCI_INVALID_ADDRESS);
    struct firmware_result result = acts(FIRMWARE_POWER_DOWN);
    result.entry = entry;
    result.context = context;
    return result;
}

static struct firmware_result cpu_suspend(const struct firmware_request *request,
                                          const uint64_t argument[3])
{
    if (argument[0] & POWER_STATE_ZEROS)
        return returns(PSCI_INVALID_PARAMETERS);
    if (argument[0] & POWER_STATE_DOWN)
        return power_down(request, argument[1], argument[2]);
    return acts(FIRMWARE_SUSPEND);
}

/* The state that the platform would choose: the deepest of a PE by itself. */
static struct firmware_result cpu_default_suspend(const struct firmware_request *request,
                                                  const uint64_t argument[3])
{
    return power_down(request, argument[0], argument[1]);
}

/* The last PE that is on takes the system down. */
static struct firmware_result system_suspend(const struct firmware_request *request,
                                             const uint64_t argument[3])
{
    for (unsigned pe = 0; pe < request->pe_count; pe++) {
        if (pe != request->pe && request->power[pe] != FIRMWARE_OFF)
            return returns(PSCI_DENIED);
    }
    return power_down(request, argument[0], argument[1]);
}

static struct firmware_result system_reset2(const struct firmware_request *request,
                                            const uint64_t argument[3])
{
    (void)request;
    if ((uint32_t)argument[0] != RESET_TYPE_WARM)
        return returns(PSCI_INVALID_PARAMETERS);
    return acts(FIRMWARE_SYSTEM_RESET);
}

static struct firmware_result cpu_on(const struct firmware_request *request,
                                     const uint64_t argument[3])
{
    uint64_t target = argument[0] & AFFINITY_64, entry = argument[1];
    if (target >= request->pe_count)
        return returns(PSCI_INVALID_PARAMETERS);
    if (!is_entry_point(request, entry))
        return returns(PSCI_INVALID_ADDRESS);
    switch ((enum firmware_power)request->power[target]) {
    case FIRMWARE_ON:
        return returns(PSCI_ALREADY_ON);
    case FIRMWARE_ON_PENDING:
        return returns(PSCI_ON_PENDING);
    case FIRMWARE_OFF:
        break;
    }
    struct firmware_result result = acts(FIRMWARE_CPU_ON);
    result.target = (uint8_t)target;
    result.entry = entry;
    result.context = argument[2];
    return result;
}

/* The state of an affinity instance: on if any PE below it is, else about to be, else off. */
static struct firmware_result affinity_info(const struct firmware_request *request,
                                            const uint64_t argument[3])
{
    static const uint64_t above[] = {AFFINITY_64, UINT64_C(0xff00ffff00), UINT64_C(0xff00ff0000),
                                     UINT64_C(0xff00000000)};
    uint64_t level = argument[1];
    if (level >= ARRAY_COUNT(above))
        return returns(PSCI_INVALID_PARAMETERS);
    unsigned found[FIRMWARE_ON_PENDING + 1] = {0};
    for (unsigned pe = 0; pe < request->pe_count; pe++)
        if ((pe & above[level]) == (argument[0] & above[level]))
            found[request->power[pe]]++;
    if (found[FIRMWARE_ON])
        return returns(FIRMWARE_ON);
    if (found[FIRMWARE_ON_PENDING])
        return returns(FIRMWARE_ON_PENDING);
    return returns(found[FIRMWARE_OFF] ? FIRMWARE_OFF : PSCI_INVALID_PARAMETERS);
}

static struct firmware_result guest_input(const struct firmware_request *request,
                                          const uint64_t argument[3])
{
    (void)request;
    if (argument[0] == 0 || argument[0] > UINT32_MAX)
        return returns(SMCCC_INVALID_PARAMETER);
    struct firmware_result result = acts(FIRMWARE_ASK);
    result.answers = (uint32_t)argument[0];
    return result;
}

typedef struct firmware_result service(const struct firmware_request *request,
                                       const uint64_t argument[3]);
static service psci_features, arch_features;

/* A function: served by code, or an action, or a constant value, in this order. */
struct function {
    uint32_t id; /* SMC32 form */
    bool has_64; /* also has an SMC64 form */
    service *serve;
    enum firmware_action action;
    uint64_t value;
};

static const struct function functions[] = {
    {.id = SMCCC_VERSION, .value = SMCCC_VERSION_1_1},
    {.id = SMCCC_ARCH_FEATURES, .serve = arch_features},
    {.id = PSCI_VERSION, .value = PSCI_VERSION_1_1},
    {.id = PSCI_CPU_SUSPEND, .has_64 = true, .serve = cpu_suspend},
    {.id = PSCI_CPU_OFF, .action = FIRMWARE_CPU_OFF},
    {.id = PSCI_CPU_ON, .has_64 = true, .serve = cpu_on},
    {.id = PSCI_AFFINITY_INFO, .has_64 = true, .serve = affinity_info},
    {.id = PSCI_MIGRATE_INFO_TYPE, .value = MIGRATE_NOT_REQUIRED},
    {.id = PSCI_SYSTEM_OFF, .action = FIRMWARE_SYSTEM_OFF},
    {.id = PSCI_SYSTEM_RESET, .action = FIRMWARE_SYSTEM_RESET},
    {.id = PSCI_FEATURES, .serve = psci_features},
    {.id = PSCI_CPU_DEFAULT_SUSPEND, .has_64 = true, .serve = cpu_default_suspend},
    {.id = PSCI_SYSTEM_SUSPEND, .has_64 = true, .serve = system_suspend},
    {.id = PSCI_SYSTEM_RESET2, .has_64 = true, .serve = system_reset2},
    {.id = FIRMWARE_GUEST_INPUT, .has_64 = true, .serve = guest_input},
};

/* The row of a function ID in the form in which it was called, or NULL. */
static const struct function *find(uint32_t id)
{
    for (size_t i = 0; i < ARRAY_COUNT(functions); i++)
        if (id == functions[i].id || (functions[i].has_64 && id == (functions[i].id | SMCCC_64)))
            return &functions[i];
    return NULL;
}

/* Feature flags of the functions that have any (CPU_SUSPEND: original format, platform-
 * coordinated) are 0, so every function that is there answers 0. */
static struct firmware_result psci_features(const struct firmware_request *request,
                                            const uint64_t argument[3])
{
    (void)request;
    uint32_t id = (uint32_t)argument[0];
    bool is_psci = (id & ~SMCCC_64) >> 8 == PSCI_VERSION >> 8 || id == SMCCC_VERSION;
    return returns(is_psci && find(id) ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
}

static struct firmware_result arch_features(const struct firmware_request *request,
                                            const uint64_t argument[3])
{
    (void)request;
    uint32_t id = (uint32_t)argument[0];
    bool is_there = id == SMCCC_VERSION || id == SMCCC_ARCH_FEATURES;
    return returns(is_there ? PSCI_SUCCESS : PSCI_NOT_SUPPORTED);
}

struct firmware_result firmware_call(const struct firmware_request *request)
{
    ensure(request->pe < request->pe_count && request->pe_count <= PE_COUNT_MAX);
    uint32_t id = (uint32_t)request->function;
    const struct function *function = request->immediate == 0 ? find(id) : NULL;
    if (function == NULL)
        return returns(PSCI_NOT_SUPPORTED);
    uint64_t argument[3];
    for (unsigned i = 0; i < 3; i++)
        argument[i] = id & SMCCC_64 ? request->argument[i] : (uint32_t)request->argument[i];
    if (!(id & SMCCC_64) && (function->serve == cpu_on || function->serve == affinity_info))
        argument[0] &= AFFINITY_32;
    if (function->serve)
        return function->serve(request, argument);
    if (function->action != FIRMWARE_NONE)
        return acts(function->action);
    return returns((int64_t)function->value);
}
