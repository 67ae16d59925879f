/* mremap. */

#include <sys/mman.h>

#include "mman.h"

#include <stdarg.h>
#include <string.h>

/* What is moved or resized: all of it was mapped alike, with one file's bytes in order. */
static bool is_one(size_t start, size_t count, struct span *span) {
    size_t at = mctl_book_at(start), end = start + count;
    if (at == mctl_span_count || mctl_spans[at].start > start) return false;
    *span = mctl_spans[at];
    uint64_t skipped = (uint64_t)(start - span->start) * mctl_page;
    for (size_t next = start; next < end; at++) {
        if (at == mctl_span_count) return false;
        const struct span *other = &mctl_spans[at];
        if (other->kind == FREE || other->kind != span->kind || (other->start != next && next != start)) return false;
        if (other->protection != span->protection || other->shared != span->shared || other->object != span->object)
            return false;
        uint64_t distance = (uint64_t)(other->start - span->start) * mctl_page;
        if (span->object != 0 && other->offset != span->offset + distance) return false;
        if (other->references != 1) return false;
        next = other->start + other->count;
    }
    span->offset += skipped;
    span->start = start;
    span->count = count;
    return true;
}

/* Maps in free pages what a span would have in pages from `from` of its own on. */
static int map_rest(struct span span, size_t start, size_t from, size_t count) {
    span.start = start;
    span.count = count;
    span.offset += (uint64_t)from * mctl_page;
    span.window = 0;
    int error = 0;
    if (span.object != 0) error = mctl_window_show(&span, false);
    else if (span.protection != PROTECT_READ_WRITE) error = mctl_host_protect(start, count, span.protection);
    if (error == 0) mctl_book_put(span);
    return error;
}

/* Copies what is the program's own to free pages, and maps it there. The old place stays. */
static int copy_to(struct span old, size_t start, size_t count) {
    size_t copied = old.count < count ? old.count : count;
    if (old.protection == PROTECT_NONE) {
        int error = mctl_host_protect(old.start, old.count, PROTECT_READ);
        if (error != 0) return error;
    }
    memcpy(mctl_address(start), mctl_address(old.start), copied * mctl_page);
    int error = 0;
    if (old.protection == PROTECT_NONE) error = mctl_host_protect(old.start, old.count, PROTECT_NONE);
    struct span span = old;
    span.start = start;
    span.count = copied;
    span.window = 0;
    if (error == 0 && span.protection != PROTECT_READ_WRITE) error = mctl_host_protect(start, copied, span.protection);
    if (error != 0) {
        mctl_pages_zero(start, copied);
        return error;
    }
    mctl_book_put(span);
    if (count > copied) error = map_rest(old, start + copied, copied, count - copied);
    if (error != 0) (void)mctl_unmap(start, copied);
    return error;
}

/* The host shows a file's bytes once: gone here before they come there. */
static int move_shared(struct span old, size_t start, size_t count) {
    struct object *object = mctl_object(old.object);
    object->held++;
    int error = mctl_unmap(old.start, old.count);
    if (error == 0 || error == EIO) {
        int lost = error;
        error = map_rest(old, start, 0, count);
        if (error == 0) error = lost;
        else error = map_rest(old, old.start, 0, old.count) == 0 ? ENOMEM : EIO;
    }
    mctl_object_release(old.object);
    return error;
}

static int move(struct span old, size_t start, size_t count, bool keep) {
    if (old.shared && old.object != 0) return move_shared(old, start, count);
    int error = copy_to(old, start, count);
    if (error != 0 || keep) return error;
    error = mctl_unmap(old.start, old.count);
    if (error != 0 && error != EIO) (void)mctl_unmap(start, count);
    return error;
}

struct request {
    size_t start, count, new_count, fixed;
    int flags;
};

/* What is left at the old place is new memory. */
static int renew_old(struct span span) {
    int error = mctl_host_protect(span.start, span.count, PROTECT_READ_WRITE);
    if (error != 0) return error;
    mctl_pages_zero(span.start, span.count);
    return span.protection == PROTECT_READ_WRITE ? 0 : mctl_host_protect(span.start, span.count, span.protection);
}

static int move_to(struct request *request, size_t start, struct span span) {
    bool keep = request->flags & MREMAP_DONTUNMAP;
    int error = move(span, start, request->new_count, keep);
    if (error == 0 && keep) error = renew_old(span);
    if (error == 0 || error == EIO) request->start = start;
    return error;
}

static int remap(struct request *request) {
    size_t start = request->start, count = request->count, new_count = request->new_count;
    struct span span;
    if (!is_one(start, count, &span)) return EFAULT;
    bool keep = request->flags & MREMAP_DONTUNMAP;
    if (keep && (count != new_count || span.shared || span.kind != ANONYMOUS)) return EINVAL;
    if (request->flags & MREMAP_FIXED) {
        if (!mctl_pages_claim(request->fixed, new_count)) {
            int error = mctl_unmap(request->fixed, new_count);
            if (error != 0 && error != EIO) return error == EINVAL ? ENOMEM : error;
            if (!mctl_pages_claim(request->fixed, new_count)) return ENOMEM;
        }
        return move_to(request, request->fixed, span);
    }
    if (new_count < count) return mctl_unmap(start + new_count, count - new_count);
    if (new_count == count && !keep) return 0;
    if (!keep && mctl_pages_claim(start + count, new_count - count)) {
        int error = map_rest(span, start + count, count, new_count - count);
        return error == ENOTSUP ? ENOMEM : error;
    }
    if (!(request->flags & MREMAP_MAYMOVE)) return ENOMEM;
    size_t found;
    int error = mctl_pages_find(new_count, 0, &found);
    return error != 0 ? error : move_to(request, found, span);
}

void *memctl_mremap(void *old, size_t old_len, size_t new_len, int flags, ...) {
    struct request request = {.flags = flags};
    size_t ignored;
    void *fixed = NULL;
    int error = mctl_begin();
    if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
        va_list rest;
        va_start(rest, flags);
        fixed = va_arg(rest, void *);
        va_end(rest);
    }
    bool moves = flags & MREMAP_MAYMOVE;
    if (error == 0 && (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))) error = EINVAL;
    if (error == 0 && (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !moves) error = EINVAL;
    if (error == 0 && ((uintptr_t)old % mctl_page != 0 || new_len == 0 || old_len == 0)) error = EINVAL;
    if (error == 0 && !mctl_range(old, old_len, &request.start, &request.count)) error = EFAULT;
    if (error == 0 && !mctl_range(NULL, new_len, &ignored, &request.new_count)) error = ENOMEM;
    if (error == 0 && (flags & MREMAP_FIXED)) {
        if ((uintptr_t)fixed % mctl_page != 0 || !mctl_range(fixed, new_len, &request.fixed, &request.new_count))
            error = EINVAL;
        else if (request.fixed < request.start + request.count && request.start < request.fixed + request.new_count)
            error = EINVAL;
    }
    if (error == 0 && !(mctl_book_reserve(24) && mctl_windows_reserve(4))) error = ENOMEM;
    if (error == 0) error = remap(&request);
    if (error == 0 || error == EIO) mctl_book_join(request.start, request.new_count);
    if (error != 0) {
        errno = error;
        return MAP_FAILED;
    }
    return mctl_address(request.start);
}

ALSO(mremap, void *, void *, size_t, size_t, int, ...);
