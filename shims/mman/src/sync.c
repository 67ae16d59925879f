/* msync. */

#include <sys/mman.h>

#include "mman.h"

static int sync_span(const struct span *span, size_t start, size_t count, int flags) {
    if ((flags & MS_INVALIDATE) && span->locked) return EBUSY;
    if (!span->shared || span->window == 0) return 0;
    size_t from = span->start > start ? span->start : start;
    size_t end = span->start + span->count < start + count ? span->start + span->count : start + count;
    uint32_t mapping = mctl_window_mapping(span->window);
    int error = flags & MS_SYNC ? mctl_host_sync(mapping, from, end - from) : mctl_host_publish(mapping, from, end - from);
    return error == 0 || error == EAGAIN ? error : EIO;
}

int memctl_msync(void *address, size_t len, int flags) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return mctl_result(error);
    if ((uintptr_t)address % mctl_page != 0) return mctl_result(EINVAL);
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) return mctl_result(EINVAL);
    if ((flags & MS_ASYNC) && (flags & MS_SYNC)) return mctl_result(EINVAL);
    if (len == 0) return 0;
    if (!mctl_range(address, len, &start, &count)) return mctl_result(ENOMEM);
    /* As in Linux, what is mapped is synced even if some of the range is not. */
    for (size_t at = mctl_book_at(start); at < mctl_span_count && mctl_spans[at].start < start + count; at++) {
        if (mctl_spans[at].kind != FREE) error = sync_span(&mctl_spans[at], start, count, flags);
        if (error != 0) return mctl_result(error);
    }
    return mctl_result(mctl_book_mapped(start, count) ? 0 : ENOMEM);
}

ALSO(msync, int, void *, size_t, int);
