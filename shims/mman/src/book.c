/* Which pages are whose: spans in order of their addresses. Pages that are in none are the program's own, its stack for instance. */

#include "mman.h"

#include <string.h>

static struct span first[32];
static size_t capacity = sizeof first / sizeof first[0];

struct span *mctl_spans = first;
size_t mctl_span_count = 0;

static size_t end_of(const struct span *span) { return span->start + span->count; }

bool mctl_book_reserve(size_t more) {
    /* One more for the pages of the table that is given up. */
    size_t wanted = mctl_span_count + more + 1;
    if (wanted <= capacity) return true;
    size_t got;
    struct span *spans = mctl_pages_new(2 * wanted * sizeof *spans, &got);
    if (spans == NULL) return false;
    memcpy(spans, mctl_spans, mctl_span_count * sizeof *spans);
    struct span *old = mctl_spans;
    size_t old_bytes = capacity * sizeof *old;
    mctl_spans = spans;
    capacity = got / sizeof *spans;
    if (old != first) {
        size_t start = (uintptr_t)old / mctl_page, count = old_bytes / mctl_page + (old_bytes % mctl_page != 0);
        memset(old, 0, count * mctl_page);
        mctl_book_put((struct span){.start = start, .count = count, .kind = FREE});
    }
    return true;
}

size_t mctl_book_at(size_t page) {
    size_t low = 0, high = mctl_span_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (end_of(&mctl_spans[middle]) > page) high = middle;
        else low = middle + 1;
    }
    return low;
}

static void insert(size_t at, struct span span) {
    memmove(&mctl_spans[at + 1], &mctl_spans[at], (mctl_span_count - at) * sizeof span);
    mctl_spans[at] = span;
    mctl_span_count++;
}

static void take_out(size_t at, size_t count) {
    memmove(&mctl_spans[at], &mctl_spans[at + count], (mctl_span_count - at - count) * sizeof mctl_spans[0]);
    mctl_span_count -= count;
}

static void cut_at(size_t page) {
    size_t at = mctl_book_at(page);
    if (at == mctl_span_count || mctl_spans[at].start >= page) return;
    struct span behind = mctl_spans[at];
    size_t before = page - behind.start;
    mctl_spans[at].count = before;
    behind.start = page;
    behind.count -= before;
    behind.offset += (uint64_t)before * mctl_page;
    insert(at + 1, behind);
}

size_t mctl_book_cut(size_t start, size_t count) {
    cut_at(start);
    cut_at(start + count);
    return mctl_book_at(start);
}

struct span *mctl_book_put(struct span span) {
    size_t at = mctl_book_cut(span.start, span.count), until = at;
    while (until < mctl_span_count && mctl_spans[until].start < end_of(&span)) until++;
    take_out(at, until - at);
    insert(at, span);
    if (span.kind == FREE) {
        mctl_book_join(span.start, span.count);
        at = mctl_book_at(span.start);
    }
    return &mctl_spans[at];
}

static bool alike(const struct span *a, const struct span *b) {
    if (end_of(a) != b->start || a->kind != b->kind) return false;
    if (a->kind == FREE) return true;
    if (a->object != 0 && a->offset + (uint64_t)a->count * mctl_page != b->offset) return false;
    return a->protection == b->protection && a->shared == b->shared && a->locked == b->locked &&
           a->references == b->references && a->object == b->object && a->window == b->window;
}

void mctl_book_join(size_t start, size_t count) {
    size_t at = mctl_book_at(start);
    if (at > 0) at--;
    while (at + 1 < mctl_span_count && mctl_spans[at].start <= start + count) {
        if (alike(&mctl_spans[at], &mctl_spans[at + 1])) {
            mctl_spans[at].count += mctl_spans[at + 1].count;
            take_out(at + 1, 1);
        } else {
            at++;
        }
    }
}

bool mctl_book_mapped(size_t start, size_t count) {
    for (size_t at = mctl_book_at(start); at < mctl_span_count && mctl_spans[at].start < start + count; at++)
        if (mctl_spans[at].kind == FREE) return false;
    uint64_t size = (uint64_t)__builtin_wasm_memory_size(0) << 16;
    return (uint64_t)(start + count) * mctl_page <= size;
}

bool mctl_book_knows(size_t start, size_t count) {
    size_t next = start, end = start + count;
    for (size_t at = mctl_book_at(start); at < mctl_span_count && mctl_spans[at].start <= next && next < end; at++)
        next = end_of(&mctl_spans[at]);
    /* Behind the end of the memory there is nobody's. */
    return next >= end || (uint64_t)next * mctl_page >= (uint64_t)__builtin_wasm_memory_size(0) << 16;
}
