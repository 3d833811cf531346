/*
 * Built-in firmware: PSCI 1.1 and the parts of SMCCC 1.1 that go with it, served where no EL2 trap
 * takes the call. A pure decision: the request and the power states in, a result out, which the
 * machine applies.
 */
#pragma once
#include "sim/base/base.h"

/* A PE's power state; the values are those of AFFINITY_INFO. */
enum firmware_power { FIRMWARE_ON, FIRMWARE_OFF, FIRMWARE_ON_PENDING };

/* Asks the machine for choose(CHOICE_GUEST_INPUT, n): OEM service call 0x4749, either width. */
#define FIRMWARE_GUEST_INPUT UINT32_C(0x83004749)

struct firmware_request {
    uint64_t function;    /* X0; the function ID is W0 */
    uint64_t argument[3]; /* X1..X3 */
    uint64_t ram_base, ram_bytes; /* where an entry point may lie */
    uint32_t immediate;   /* of the SMC or HVC; only 0 means SMCCC */
    uint8_t pe;           /* the caller */
    uint8_t pe_count;     /* 1..8; PE n has affinity 0.0.0.n */
    uint8_t power[PE_COUNT_MAX]; /* enum firmware_power */
};

enum firmware_action {
    FIRMWARE_NONE,         /* only the value is returned */
    FIRMWARE_CPU_ON,       /* `target` starts at `entry` with X0 = `context`; value is returned */
    FIRMWARE_CPU_OFF,      /* the caller goes off and does not come back */
    FIRMWARE_SUSPEND,      /* the caller waits as by WFI, then the value is returned */
    FIRMWARE_POWER_DOWN,   /* it waits, then starts at `entry` with X0 = `context` */
    FIRMWARE_SYSTEM_OFF,   /* the run ends */
    FIRMWARE_SYSTEM_RESET, /* the machine begins anew */
    FIRMWARE_ASK,          /* the value returned is choose(CHOICE_GUEST_INPUT) among `answers` */
};

struct firmware_result {
    uint64_t value; /* X0 for the caller; errors are sign-extended to 64 bits */
    uint64_t entry, context;
    uint32_t answers; /* >= 1 */
    uint8_t target;
    enum firmware_action action;
};

/* SMCCC: function IDs that are not known answer NOT_SUPPORTED. */
struct firmware_result firmware_call(const struct firmware_request *request);
