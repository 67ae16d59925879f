/* mmap and munmap. */

#include <sys/mman.h>

#include "mman.h"

#include <limits.h>
#include <sys/types.h>

/* What mmap was asked for, understood. */
struct request {
    size_t start, count; /* start: a wish, or where it has to be */
    enum { ANYWHERE, THERE, THERE_IF_FREE } place;
    enum protection protection;
    bool shared, locked, populate, of_file;
    uint64_t offset;
};

/* Flags that ask for what is so anyway, or for what can't be noticed. */
enum {
    HARMLESS = MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK,
    KNOWN = MAP_TYPE | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_ANONYMOUS | HARMLESS,
};

static enum protection protection_of(int prot) {
    if (prot & PROT_WRITE) return PROTECT_READ_WRITE;
    return prot & PROT_READ ? PROTECT_READ : PROTECT_NONE;
}

static int understand(struct request *request, void *address, size_t len, int prot, int flags, off_t offset) {
    int type = flags & MAP_TYPE;
    if (type != MAP_SHARED && type != MAP_PRIVATE && type != MAP_SHARED_VALIDATE) return EINVAL;
    if (type == MAP_SHARED_VALIDATE && (flags & MAP_ANONYMOUS)) return EINVAL;
    if (type == MAP_SHARED_VALIDATE && (flags & ~KNOWN)) return EOPNOTSUPP;
    if (flags & (MAP_HUGETLB | MAP_GROWSDOWN)) return EINVAL;
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)) return EINVAL;
    if (prot & PROT_EXEC) return ENOTSUP;
    if (len == 0 || (uint64_t)offset % mctl_page != 0) return EINVAL;
    if (flags & MAP_FIXED_NOREPLACE) request->place = THERE_IF_FREE;
    else if (flags & MAP_FIXED) request->place = THERE;
    else request->place = ANYWHERE;
    if (request->place != ANYWHERE && (uintptr_t)address % mctl_page != 0) return EINVAL;
    if (!mctl_range(address, len, &request->start, &request->count)) {
        if (request->place != ANYWHERE || !mctl_range(NULL, len, &request->start, &request->count)) return ENOMEM;
    }
    request->of_file = !(flags & MAP_ANONYMOUS);
    if (request->of_file && (offset < 0 || (uint64_t)offset + len > INT64_MAX)) return EOVERFLOW;
    request->protection = protection_of(prot);
    request->shared = type != MAP_PRIVATE;
    request->locked = (flags & MAP_LOCKED) || mctl_locks_future();
    request->populate = flags & MAP_POPULATE;
    request->offset = request->of_file ? (uint64_t)offset : 0;
    return 0;
}

/* Whether protection can be had at all, tried on a page of nobody's: before something makes room for what could not be mapped then. */
static int try_protection(enum protection protection) {
    size_t page;
    if (protection == PROTECT_READ_WRITE) return 0;
    int error = mctl_pages_find(1, 0, &page);
    if (error == 0) error = mctl_host_protect(page, 1, protection);
    if (error == 0) error = mctl_host_protect(page, 1, PROTECT_READ_WRITE);
    return error;
}

/* What stays of a span: the part before the pages that are asked for, or the one behind them. */
static struct span part_before(struct span span, const struct request *request) {
    if (request->place != THERE || span.start + span.count <= request->start) return span;
    span.count = span.start < request->start ? request->start - span.start : 0;
    return span;
}

static struct span part_behind(struct span span, const struct request *request) {
    size_t end = request->start + request->count, last = span.start + span.count;
    if (request->place != THERE || span.start + span.count <= request->start || last <= end) {
        span.count = 0;
    } else if (span.start < end) {
        span.offset += (uint64_t)(end - span.start) * mctl_page;
        span.start = end;
        span.count = last - end;
    }
    return span;
}

static bool meets(struct span span, const struct request *request) {
    uint64_t len = (uint64_t)request->count * mctl_page;
    return span.count != 0 && span.offset < request->offset + len &&
           request->offset < span.offset + (uint64_t)span.count * mctl_page;
}

/* One store can't show the same bytes of a file in two windows if they are shared and can be stored to. Looks for those that would be in the way;
 * if they are what is asked for, gives the span in which it begins. */
static int find_the_same(const struct request *request, uint32_t object, size_t *found) {
    uint64_t len = (uint64_t)request->count * mctl_page, covered = 0;
    size_t next = 0;
    bool alike = true;
    *found = mctl_span_count;
    for (size_t at = 0; at < mctl_span_count; at++) {
        const struct span *span = &mctl_spans[at];
        if (!span->shared || span->object == 0 || !mctl_object_same(span->object, object)) continue;
        if (!meets(part_before(*span, request), request) && !meets(part_behind(*span, request), request)) continue;
        if (request->protection != PROTECT_READ_WRITE && !mctl_window_written(span->window)) continue;
        bool is_first = *found == mctl_span_count;
        bool follows = is_first ? span->offset <= request->offset
                                : span->start == next && span->offset == request->offset + covered;
        alike = alike && follows && span->object == object && span->protection == request->protection;
        covered = span->offset + (uint64_t)span->count * mctl_page - request->offset;
        next = span->start + span->count;
        if (is_first) *found = at;
    }
    if (*found == mctl_span_count) return 0;
    return alike && covered >= len && request->place == ANYWHERE ? 0 : ENOTSUP;
}

static size_t give_again(const struct request *request, size_t found) {
    size_t start = mctl_spans[found].start + (size_t)((request->offset - mctl_spans[found].offset) / mctl_page);
    size_t at = mctl_book_cut(start, request->count);
    for (; at < mctl_span_count && mctl_spans[at].start < start + request->count; at++) mctl_spans[at].references++;
    return start;
}

/* Free pages for the request, in the book. */
static int make_room(struct request *request) {
    size_t start = request->start, count = request->count;
    if (request->place == ANYWHERE) return mctl_pages_find(count, start, &request->start);
    if (mctl_pages_claim(start, count)) return 0;
    if (request->place == THERE_IF_FREE) return EEXIST;
    for (size_t at = mctl_book_at(start); at < mctl_span_count && mctl_spans[at].start < start + count; at++)
        if (mctl_spans[at].references > 1) return ENOMEM;
    int error = try_protection(request->protection);
    if (error == 0) error = mctl_unmap(start, count);
    if (error == EINVAL) return ENOMEM;
    if (error != 0 && error != EIO) return error;
    return mctl_pages_claim(start, count) ? 0 : ENOMEM;
}

static int place(struct request *request, uint32_t object) {
    size_t found = mctl_span_count;
    int error = request->shared && object != 0 ? find_the_same(request, object, &found) : 0;
    if (error != 0) return error;
    if (found != mctl_span_count) {
        request->start = give_again(request, found);
        return 0;
    }
    error = make_room(request);
    if (error != 0) return error;
    struct span span = {
        .start = request->start,
        .count = request->count,
        .kind = object == 0 ? ANONYMOUS : OF_FILE,
        .protection = request->protection,
        .shared = request->shared,
        .locked = request->locked,
        .references = 1,
        .object = object,
        .offset = request->offset,
    };
    if (object != 0) error = mctl_window_show(&span, request->populate);
    else if (span.protection != PROTECT_READ_WRITE)
        error = mctl_host_protect(span.start, span.count, span.protection);
    if (error != 0) return error;
    mctl_book_put(span);
    mctl_book_join(span.start, span.count);
    return 0;
}

void *memctl_mmap(void *address, size_t len, int prot, int flags, int fd, off_t offset) {
    struct request request = {0};
    uint32_t object = 0;
    int error = mctl_begin();
    if (error == 0) error = understand(&request, address, len, prot, flags, offset);
    if (error == 0 && !(mctl_book_reserve(12) && mctl_windows_reserve(4))) error = ENOMEM;
    if (error == 0 && request.of_file)
        error = mctl_object_of(fd, request.shared && request.protection == PROTECT_READ_WRITE, &object);
    if (error == 0) error = place(&request, object);
    mctl_object_release(object);
    if (error != 0) {
        errno = error;
        return MAP_FAILED;
    }
    return mctl_address(request.start);
}

int mctl_unmap(size_t start, size_t count) {
    if (!mctl_book_knows(start, count)) return EINVAL;
    size_t from = mctl_book_cut(start, count);
    int error = mctl_windows_hide(start, count);
    if (error != 0 && error != EIO) {
        mctl_book_join(start, count);
        return error;
    }
    for (size_t at = from; at < mctl_span_count && mctl_spans[at].start < start + count; at++) {
        struct span *span = &mctl_spans[at];
        if (span->kind == FREE) continue;
        if (span->references > 1) {
            span->references--;
            continue;
        }
        uint32_t object = span->object;
        *span = (struct span){.start = span->start, .count = span->count, .kind = FREE};
        mctl_object_settle(object);
    }
    mctl_book_join(start, count);
    return error;
}

int memctl_munmap(void *address, size_t len) {
    size_t start, count;
    int error = mctl_begin();
    if (error != 0) return mctl_result(error);
    if ((uintptr_t)address % mctl_page != 0 || len == 0 || !mctl_range(address, len, &start, &count))
        return mctl_result(EINVAL);
    if (!mctl_book_reserve(12)) return mctl_result(ENOMEM);
    return mctl_result(mctl_unmap(start, count));
}

ALSO(mmap, void *, void *, size_t, int, int, int, off_t);
ALSO(munmap, int, void *, size_t);
