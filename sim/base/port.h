/*
 * The one way to memory. Everything that reads or writes a physical address - loads, stores,
 * fetches, table walks, DMA - does it through a port with a descriptor of the access. Fast paths
 * (host pointers) are legal only while port_page says so.
 *
 * A port is wiring, not state: the machine makes it.
 */
#pragma once
#include "sim/base/base.h"

enum access_kind {
    ACCESS_PLAIN,
    ACCESS_ACQUIRE,   /* LDAR and the load half of LDAXR (with exclusive set) */
    ACCESS_RELEASE,   /* STLR and STLXR */
    ACCESS_WALK,      /* a descriptor read */
    ACCESS_FETCH,     /* an instruction */
    ACCESS_DMA,       /* a bus master that is not a PE */
    ACCESS_KIND_COUNT
};

struct access {
    va_t va; /* as the program gave it; 0 for walks and DMA */
    pa_t pa;
    uint8_t pe;        /* who; PE_COUNT_MAX for DMA */
    uint8_t size; /* bytes: 1, 2, 4, 8 or 16; the access lies in one page */
    uint8_t kind;      /* enum access_kind */
    uint8_t is_write;
    uint8_t exclusive; /* LDXR/STXR family */
    uint8_t memory;    /* memory type and cacheability, as a MAIR_ELx attribute byte */
    uint8_t shareability; /* 0 non, 2 outer, 3 inner */
    uint8_t el;
    uint8_t atomic; /* a read and the write that follows it are one access */
    uint8_t weak;   /* ACCESS_ACQUIRE of LDAPR: not behind the PE's own store-releases */
    uint32_t entry; /* serial number of the TLB entry that translated it; 0: none */
};

enum port_result {
    PORT_OK,
    PORT_EXTERNAL_ABORT, /* nothing answers at this address, or it refuses this size */
    PORT_EXCLUSIVE_FAIL, /* a store exclusive did not store */
};

struct port {
    void *owner;
    /* value: little-endian, value[1] only for 16 bytes. */
    enum port_result (*read)(void *owner, const struct access *access, uint64_t value[2]);
    enum port_result (*write)(void *owner, const struct access *access, const uint64_t value[2]);
    /*
     * Host bytes of a whole page of RAM, for fast paths, or NULL when the page is no RAM or when
     * an option (store buffers, caches, histories, observers of memory) needs to see each access.
     * For writing also NULL while the page is watched, or holds an exclusive monitor that a PE
     * other than `pe`, who asks, has armed. Writable pointers are revoked as cow.h says.
     */
    uint8_t *(*page)(void *owner, unsigned pe, pa_t page, bool is_write);
    /*
     * Exclusive accesses through such bytes: arms the PE's global monitor on the granule of pa,
     * behind the load; whether it lets a store of so many bytes there through, which is then done
     * with all monitors that it clears.
     */
    void (*monitor_arm)(void *owner, unsigned pe, pa_t pa);
    bool (*monitor_store)(void *owner, unsigned pe, pa_t pa, unsigned size);
    /*
     * Host bytes of a page of RAM that code is decoded from, or NULL as above. From then on the
     * page is watched: no writable pointer to it is out, and its owner tells the code cache of
     * every store there. *told: bit per Exception level that nothing is to be kept for, since each
     * fetch there is told.
     */
    const uint8_t *(*code)(void *owner, pa_t page, uint8_t *told);
    /* Grows when pointers given by page() are revoked. */
    const uint64_t *epoch;
    /* Memory as an observer sees it: no side effect, no event. False where there is no RAM. */
    bool (*peek)(const void *owner, pa_t pa, void *bytes, size_t size);
};
