/* mlock and its family. Which pages are locked is kept and shown where POSIX says so; whether memory is resident is the host's affair. */

#include <sys/mman.h>

#include "mman.h"

static bool future = false;

bool mctl_locks_future(void) { return future; }

/* As in Linux, an address inside a page means the page. */
static int lock(const void *address, size_t len, bool locked) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return error;
    if (len == 0) return 0;
    size_t before = (uintptr_t)address % mctl_page;
    if (len > SIZE_MAX - before) return EINVAL;
    if (!mctl_range(address, len + before, &start, &count)) return ENOMEM;
    if (!mctl_book_mapped(start, count) || !mctl_book_reserve(2)) return ENOMEM;
    size_t at = mctl_book_cut(start, count);
    for (; at < mctl_span_count && mctl_spans[at].start < start + count; at++) mctl_spans[at].locked = locked;
    mctl_book_join(start, count);
    return 0;
}

static void lock_all(bool locked) {
    for (size_t at = 0; at < mctl_span_count; at++)
        if (mctl_spans[at].kind != FREE) mctl_spans[at].locked = locked;
}

int memctl_mlock(const void *address, size_t len) { return mctl_result(lock(address, len, true)); }

int memctl_mlock2(const void *address, size_t len, unsigned flags) {
    return mctl_result(flags & ~(unsigned)MLOCK_ONFAULT ? EINVAL : lock(address, len, true));
}

int memctl_munlock(const void *address, size_t len) { return mctl_result(lock(address, len, false)); }

int memctl_mlockall(int flags) {
    if ((flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || !(flags & (MCL_CURRENT | MCL_FUTURE)))
        return mctl_result(EINVAL);
    future = flags & MCL_FUTURE;
    if (flags & MCL_CURRENT) lock_all(true);
    return 0;
}

int memctl_munlockall(void) {
    future = false;
    lock_all(false);
    return 0;
}

ALSO(mlock, int, const void *, size_t);
ALSO(mlock2, int, const void *, size_t, unsigned);
ALSO(munlock, int, const void *, size_t);
ALSO(mlockall, int, int);
ALSO(munlockall, int, void);
