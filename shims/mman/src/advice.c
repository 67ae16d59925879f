/* madvise, posix_madvise and mincore. */

#include <sys/mman.h>

#include "mman.h"

#include <string.h>

/* Puts a span's first bytes anew in pages that can be stored to: the file's, through a window of a moment, or zero. */
static int renew_ordinary(const struct span *span, size_t start, size_t count) {
    if (span->object == 0) {
        mctl_pages_zero(start, count);
        return 0;
    }
    struct span moment = {.count = count, .kind = OF_FILE, .protection = PROTECT_READ_WRITE, .object = span->object};
    moment.offset = span->offset + (uint64_t)(start - span->start) * mctl_page;
    uint32_t mapping;
    int error = mctl_pages_find(count, 0, &moment.start);
    if (error == 0)
        error = mctl_host_map(moment.start, count, mctl_object(span->object)->handle - 1, moment.offset,
                              PROTECT_READ_WRITE, false, true, &mapping);
    if (error != 0) return error;
    memcpy(mctl_address(start), mctl_address(moment.start), count * mctl_page);
    (void)mctl_host_unmap(mapping, moment.start, count);
    return 0;
}

static int renew(struct span span, size_t start, size_t count) {
    if (span.protection == PROTECT_READ_WRITE) return renew_ordinary(&span, start, count);
    int error = mctl_host_protect(start, count, PROTECT_READ_WRITE);
    if (error != 0) return error;
    error = renew_ordinary(&span, start, count);
    int failed = mctl_host_protect(start, count, span.protection);
    return error != 0 ? error : failed;
}

static bool is_known(int advice) {
    return (advice >= MADV_NORMAL && advice <= MADV_DONTNEED) || (advice >= MADV_FREE && advice <= MADV_COLLAPSE);
}

static int advise(struct span span, size_t start, size_t count, int advice) {
    bool private = !span.shared;
    switch (advice) {
    case MADV_DONTNEED:
        if (span.locked) return EINVAL;
        return private ? renew(span, start, count) : 0;
    case MADV_DONTNEED_LOCKED: return private ? renew(span, start, count) : 0;
    case MADV_FREE:
        if (span.kind != ANONYMOUS || span.shared || span.locked) return EINVAL;
        return span.protection == PROTECT_READ_WRITE ? renew(span, start, count) : 0;
    case MADV_REMOVE:
        if (span.locked || (private && span.kind == ANONYMOUS)) return EINVAL;
        if (private || span.protection != PROTECT_READ_WRITE) return EACCES;
        if (span.object == 0) return renew(span, start, count);
        return mctl_host_discard(start, count);
    case MADV_WIPEONFORK: return span.kind == ANONYMOUS && private ? 0 : EINVAL;
    case MADV_POPULATE_READ: return span.protection == PROTECT_NONE ? EINVAL : 0;
    case MADV_POPULATE_WRITE: return span.protection == PROTECT_READ_WRITE ? 0 : EINVAL;
    default: return 0;
    }
}

int memctl_madvise(void *address, size_t len, int advice) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return mctl_result(error);
    if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE) return mctl_result(EPERM);
    if (!is_known(advice) || (uintptr_t)address % mctl_page != 0) return mctl_result(EINVAL);
    if (len == 0) return 0;
    if (len > SIZE_MAX - mctl_page) return mctl_result(EINVAL);
    if (!mctl_range(address, len, &start, &count) || !mctl_book_reserve(2)) return mctl_result(ENOMEM);
    size_t end = start + count;
    for (size_t at = mctl_book_at(start); error == 0 && at < mctl_span_count && mctl_spans[at].start < end; at++) {
        struct span span = mctl_spans[at];
        size_t from = span.start > start ? span.start : start;
        size_t until = span.start + span.count < end ? span.start + span.count : end;
        if (span.kind != FREE) error = advise(span, from, until - from, advice);
    }
    if (error == 0 && !mctl_book_mapped(start, count)) error = ENOMEM;
    return mctl_result(error);
}

/* Never changes a byte, POSIX_MADV_DONTNEED neither. */
int memctl_posix_madvise(void *address, size_t len, int advice) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return error;
    if (advice < POSIX_MADV_NORMAL || advice > POSIX_MADV_DONTNEED) return EINVAL;
    if ((uintptr_t)address % mctl_page != 0) return EINVAL;
    if (len == 0) return 0;
    return mctl_range(address, len, &start, &count) && mctl_book_mapped(start, count) ? 0 : ENOMEM;
}

int memctl_mincore(void *address, size_t len, unsigned char *resident) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return mctl_result(error);
    if ((uintptr_t)address % mctl_page != 0) return mctl_result(EINVAL);
    if (len == 0) return 0;
    if (!mctl_range(address, len, &start, &count) || !mctl_book_mapped(start, count)) return mctl_result(ENOMEM);
    if (resident == NULL) return mctl_result(EFAULT);
    memset(resident, 1, count);
    return 0;
}

ALSO(madvise, int, void *, size_t, int);
ALSO(posix_madvise, int, void *, size_t, int);
ALSO(mincore, int, void *, size_t, unsigned char *);
