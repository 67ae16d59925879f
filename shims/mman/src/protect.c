/* mprotect. */

#include <sys/mman.h>

#include "mman.h"

static int check(size_t at, size_t start, size_t count, enum protection protection) {
    for (; at < mctl_span_count && mctl_spans[at].start < start + count; at++) {
        const struct span *span = &mctl_spans[at];
        if (span->protection == protection) continue;
        /* Somebody else has asked for these pages with the protection that they have. */
        if (span->references > 1) return ENOTSUP;
        bool stores = protection == PROTECT_READ_WRITE && span->shared && span->object != 0;
        if (stores && !mctl_object(span->object)->writable) return EACCES;
    }
    return 0;
}

/* Spans of the book, and what is between them: memory that the program has from elsewhere. */
static int protect(size_t at, size_t start, size_t count, enum protection protection) {
    size_t first = at, next = start, end = start + count;
    int error = 0;
    while (error == 0 && next < end) {
        if (at < mctl_span_count && mctl_spans[at].start == next) {
            struct span *span = &mctl_spans[at];
            span->before = span->protection;
            error = mctl_span_protect(span, protection);
            next += span->count;
            at++;
        } else {
            size_t until = at < mctl_span_count && mctl_spans[at].start < end ? mctl_spans[at].start : end;
            error = mctl_host_protect(next, until - next, protection);
            next = until;
        }
    }
    /* POSIX would let it be so in part. */
    while (error != 0 && at-- > first) (void)mctl_span_protect(&mctl_spans[at], mctl_spans[at].before);
    return error;
}

int memctl_mprotect(void *address, size_t len, int prot) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return mctl_result(error);
    if ((uintptr_t)address % mctl_page != 0) return mctl_result(EINVAL);
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) return mctl_result(EINVAL);
    if (len == 0) return 0;
    if (!mctl_range(address, len, &start, &count) || !mctl_book_mapped(start, count)) return mctl_result(ENOMEM);
    if (prot & PROT_EXEC) return mctl_result(ENOTSUP);
    if (!mctl_book_reserve(2)) return mctl_result(ENOMEM);
    enum protection protection = prot & PROT_WRITE ? PROTECT_READ_WRITE : prot & PROT_READ ? PROTECT_READ : PROTECT_NONE;
    size_t at = mctl_book_cut(start, count);
    error = check(at, start, count, protection);
    if (error == 0) error = protect(at, start, count, protection);
    mctl_book_join(start, count);
    return mctl_result(error);
}

ALSO(mprotect, int, void *, size_t, int);
