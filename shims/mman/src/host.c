/* The host's functions, by the canonical ABI's names, and their errors as numbers of errno. */

#include "mman.h"

#include <fcntl.h>

#define VERSION "@0.1.0-draft"
#define IMPORT(interface, name) \
    __attribute__((import_module("wasi:memory-control/" interface VERSION), import_name(name)))

/* `result<own<…>, error-code>`, `result<u64, error-code>` and `result<_, error-code>` in memory. */
struct handle_result {
    uint8_t failed;
    uint32_t handle_or_code;
};
struct number_result {
    uint8_t failed;
    _Alignas(8) uint64_t number_or_code;
};
struct unit_result {
    uint8_t failed, code;
};
struct quotas {
    uint32_t objects;
    uint64_t object_bytes;
    uint32_t mappings;
    uint64_t mapped_bytes;
    uint32_t leases, waiters, protected_ranges, blocks;
    uint64_t block_bytes;
};

/* A window is a list, which only says which memory is meant, and two numbers. */
#define WINDOW void *list, size_t list_len, uint64_t start, uint64_t len
#define AT(start, count) (void *)8, 0, (uint64_t)(start) * mctl_page, (uint64_t)(count) * mctl_page

IMPORT("domain", "granule") uint64_t mctl_import_granule(void);
IMPORT("domain", "limits") void mctl_import_limits(struct quotas *);
IMPORT("domain", "usage") void mctl_import_usage(struct quotas *);
IMPORT("file-ticket", "issue") void mctl_import_issue(struct number_result *);
IMPORT("file-ticket", "redeem") void mctl_import_redeem(uint64_t ticket, struct handle_result *);
IMPORT("object", "[resource-drop]object") void mctl_import_drop_object(uint32_t);
IMPORT("mapping", "[resource-drop]mapping") void mctl_import_drop_mapping(uint32_t);
IMPORT("mapping", "[static]mapping.map")
void mctl_import_map(WINDOW, uint32_t object, uint64_t offset, uint32_t protection, uint32_t sharing, uint32_t coherence,
              uint32_t flags, struct handle_result *);
IMPORT("mapping", "[method]mapping.unmap") void mctl_import_unmap(uint32_t, WINDOW, struct unit_result *);
IMPORT("mapping", "[method]mapping.publish") void mctl_import_publish(uint32_t, WINDOW, struct unit_result *);
IMPORT("mapping", "[method]mapping.sync") void mctl_import_sync(uint32_t, WINDOW, struct unit_result *);
IMPORT("protection", "protect") void mctl_import_protect(WINDOW, uint32_t protection, struct unit_result *);
IMPORT("protection", "discard") void mctl_import_discard(WINDOW, struct unit_result *);

/* In the order of `types.error-code`. */
enum code {
    ALIGNMENT,
    BOUNDS,
    OVERLAP,
    ACCESS,
    NOT_FOUND,
    STALE,
    QUOTA,
    UNSUPPORTED,
    BUSY,
    OUT_OF_MEMORY,
    IO,
    TIMED_OUT,
    DEADLOCK
};

enum { SHARED, PRIVATE };
enum { AUTOMATIC };
enum { POPULATE = 1, PAST_END = 2 };

static int error_of(uint32_t code) {
    switch (code) {
    case ALIGNMENT: return EINVAL;
    case BOUNDS: return ENXIO;
    case OVERLAP: return ENOTSUP;
    case ACCESS: return EACCES;
    case NOT_FOUND: return ENOENT;
    case STALE: return EBADF;
    case QUOTA: return ENOMEM;
    case UNSUPPORTED: return ENOTSUP;
    case BUSY: return EAGAIN;
    case OUT_OF_MEMORY: return ENOMEM;
    case TIMED_OUT: return EAGAIN;
    case DEADLOCK: return EDEADLK;
    default: return EIO;
    }
}

static int error_of_unit(struct unit_result result) { return result.failed ? error_of(result.code) : 0; }

uint64_t mctl_host_granule(void) { return mctl_import_granule(); }

/* The host learns which descriptor is meant by seeing it used with a ticket. */
int mctl_host_object(int fd, uint32_t *object) {
    struct number_result ticket = {0};
    mctl_import_issue(&ticket);
    if (ticket.failed) return (uint8_t)ticket.number_or_code == UNSUPPORTED ? ENODEV : EMFILE;
    (void)posix_fadvise(fd, (off_t)ticket.number_or_code, 0, POSIX_FADV_NOREUSE);
    struct handle_result result = {0};
    mctl_import_redeem(ticket.number_or_code, &result);
    if (!result.failed) {
        *object = result.handle_or_code;
        return 0;
    }
    switch ((uint8_t)result.handle_or_code) {
    case UNSUPPORTED:
    case STALE: return ENODEV;
    case QUOTA: return EMFILE;
    default: return error_of((uint8_t)result.handle_or_code);
    }
}

void mctl_host_drop_object(uint32_t object) { mctl_import_drop_object(object); }

/* POSIX has a number of its own for too many mappings. */
static int error_of_quota(void) {
    struct quotas used = {0}, limits = {0};
    mctl_import_usage(&used);
    mctl_import_limits(&limits);
    return used.mappings >= limits.mappings ? EMFILE : ENOMEM;
}

int mctl_host_map(size_t start, size_t count, uint32_t object, uint64_t offset, enum protection protection, bool shared,
                  bool populate, uint32_t *mapping) {
    struct handle_result result = {0};
    mctl_import_map(AT(start, count), object, offset, protection, shared ? SHARED : PRIVATE, AUTOMATIC,
             PAST_END | (populate ? POPULATE : 0), &result);
    if (!result.failed) {
        *mapping = result.handle_or_code;
        return 0;
    }
    uint8_t code = (uint8_t)result.handle_or_code;
    return code == QUOTA ? error_of_quota() : error_of(code);
}

int mctl_host_unmap(uint32_t mapping, size_t start, size_t count) {
    struct unit_result result = {0};
    mctl_import_unmap(mapping, AT(start, count), &result);
    int error = error_of_unit(result);
    if (error == EAGAIN) return error;
    mctl_import_drop_mapping(mapping);
    return error == 0 ? 0 : EIO;
}

int mctl_host_publish(uint32_t mapping, size_t start, size_t count) {
    struct unit_result result = {0};
    mctl_import_publish(mapping, AT(start, count), &result);
    return error_of_unit(result);
}

int mctl_host_sync(uint32_t mapping, size_t start, size_t count) {
    struct unit_result result = {0};
    mctl_import_sync(mapping, AT(start, count), &result);
    return error_of_unit(result);
}

int mctl_host_protect(size_t start, size_t count, enum protection protection) {
    struct unit_result result = {0};
    mctl_import_protect(AT(start, count), protection, &result);
    /* Where nothing can be protected all can be stored to. */
    if (result.failed && result.code == UNSUPPORTED && protection == PROTECT_READ_WRITE) return 0;
    return error_of_unit(result);
}

int mctl_host_discard(size_t start, size_t count) {
    struct unit_result result = {0};
    mctl_import_discard(AT(start, count), &result);
    return error_of_unit(result);
}
