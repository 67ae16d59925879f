/* Pages of the program's memory. They come from memory.grow, whose other user, malloc, may take pages between; they are never given back, but
 * used again. */

#include "mman.h"

#include <string.h>
#include <unistd.h>

enum { WASM_PAGE = 65536 };

/* Below this a call of the host costs more than storing zeroes. */
enum { DISCARDED = 4 * WASM_PAGE };

size_t mctl_page = 0;

int mctl_begin(void) {
    if (mctl_page != 0) return 0;
    uint64_t granule = mctl_host_granule();
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (page < WASM_PAGE) page = WASM_PAGE;
    while (page < granule) {
        if (page > SIZE_MAX / 4) return ENOMEM;
        page *= 2;
    }
    mctl_page = page;
    return 0;
}

/* Pages of the whole address space. */
static size_t most(void) { return (size_t)(((uint64_t)1 << (8 * sizeof(void *))) / mctl_page); }

bool mctl_range(const void *address, size_t len, size_t *start, size_t *count) {
    *start = (uintptr_t)address / mctl_page;
    *count = len / mctl_page + (len % mctl_page != 0);
    return *count <= most() - *start;
}

/* Pages that the memory has, the last one whole or not. */
static size_t have(void) {
    uint64_t bytes = (uint64_t)__builtin_wasm_memory_size(0) * WASM_PAGE;
    return (size_t)((bytes + mctl_page - 1) / mctl_page);
}

/* Grows the memory by `count` pages, which follow each other and begin at the result. */
static bool grow(size_t count, size_t *start) {
    *start = have();
    if (count > most() - *start) return false;
    uint64_t more = (uint64_t)(*start + count) * (mctl_page / WASM_PAGE) - __builtin_wasm_memory_size(0);
    return __builtin_wasm_memory_grow(0, (size_t)more) != SIZE_MAX;
}

void *mctl_pages_new(size_t bytes, size_t *got) {
    size_t start, count = bytes / mctl_page + 1;
    if (!grow(count, &start)) return NULL;
    *got = count * mctl_page;
    return mctl_address(start);
}

static bool is_free(size_t start, size_t count) {
    size_t at = mctl_book_at(start);
    if (at == mctl_span_count) return false;
    const struct span *span = &mctl_spans[at];
    return span->kind == FREE && span->start <= start && start + count <= span->start + span->count;
}

/* Adds pages behind the last one: all until `end`. */
static bool extend(size_t end) {
    size_t start, count = end - have();
    if (!grow(count, &start)) return false;
    mctl_book_put((struct span){.start = start, .count = count, .kind = FREE});
    return true;
}

int mctl_pages_find(size_t count, size_t hint, size_t *start) {
    *start = hint;
    if (hint != 0 && is_free(hint, count)) return 0;
    for (size_t at = 0; at < mctl_span_count; at++) {
        *start = mctl_spans[at].start;
        if (mctl_spans[at].kind == FREE && mctl_spans[at].count >= count) return 0;
    }
    const struct span *last = mctl_span_count == 0 ? NULL : &mctl_spans[mctl_span_count - 1];
    bool reaches_end = last != NULL && last->kind == FREE && last->start + last->count == have();
    *start = reaches_end ? last->start : have();
    if (count > most() - *start) return ENOMEM;
    return extend(*start + count) ? 0 : ENOMEM;
}

bool mctl_pages_claim(size_t start, size_t count) {
    size_t end = start + count;
    if (end > most()) return false;
    if (end > have()) {
        /* What is there already has to be free as it is. */
        if (start < have() && !is_free(start, have() - start)) return false;
        if (!extend(end)) return false;
    }
    return is_free(start, count);
}

void mctl_pages_zero(size_t start, size_t count) {
    if (count * mctl_page >= DISCARDED && mctl_host_discard(start, count) == 0) return;
    memset(mctl_address(start), 0, count * mctl_page);
}
