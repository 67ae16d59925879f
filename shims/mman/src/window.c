/* What the host shows where. A window is what one call of the host's map made; after a part of it was protected or locked, several spans lie in
 * it. The host can only end it as a whole. */

#include "mman.h"

#include <string.h>

struct window {
    uint32_t mapping;
    size_t start, count; /* count 0: this place is empty */
    bool written;        /* it can be stored to, or could since it was made */
};

static struct window first[32];
static struct window *windows = first;
static size_t capacity = sizeof first / sizeof first[0], used = 0;

static struct window *window_of(uint32_t number) { return &windows[number - 1]; }

uint32_t mctl_window_mapping(uint32_t number) { return window_of(number)->mapping; }

bool mctl_window_written(uint32_t number) { return window_of(number)->written; }

bool mctl_windows_reserve(size_t more) {
    if (used + more <= capacity) return true;
    size_t got;
    struct window *table = mctl_pages_new(2 * (used + more) * sizeof *table, &got);
    if (table == NULL) return false;
    memcpy(table, windows, capacity * sizeof *table);
    windows = table;
    capacity = got / sizeof *table;
    return true;
}

int mctl_window_show(struct span *span, bool populate) {
    uint32_t mapping;
    if (!mctl_windows_reserve(1)) return ENOMEM;
    int error = mctl_host_map(span->start, span->count, mctl_object(span->object)->handle - 1, span->offset,
                              span->protection, span->shared, populate, &mapping);
    if (error != 0) return error;
    size_t at = 0;
    while (windows[at].count != 0) at++;
    windows[at] = (struct window){.mapping = mapping, .start = span->start, .count = span->count,
                                  .written = span->protection == PROTECT_READ_WRITE};
    used++;
    span->window = (uint32_t)at + 1;
    span->zero = false;
    return 0;
}

/* Ends a window; its pages are ordinary, zero, and can be stored to. */
static int hide(uint32_t number) {
    struct window *window = window_of(number);
    int error = mctl_host_unmap(window->mapping, window->start, window->count);
    if (error == EAGAIN) return error;
    for (size_t at = mctl_book_at(window->start); at < mctl_span_count && mctl_spans[at].window == number; at++) {
        mctl_spans[at].window = 0;
        mctl_spans[at].zero = true;
    }
    window->count = 0;
    used--;
    return error;
}

int mctl_span_protect(struct span *span, enum protection protection) {
    if (span->protection == protection) return 0;
    int error = mctl_host_protect(span->start, span->count, protection);
    if (error != 0) return error;
    span->protection = protection;
    if (protection == PROTECT_READ_WRITE && span->window != 0) window_of(span->window)->written = true;
    return 0;
}

/* The spans in a window, which are `[*from, *until)` of the book. */
static void spans_of(uint32_t number, size_t *from, size_t *until) {
    *from = mctl_book_at(window_of(number)->start);
    *until = *from;
    while (*until < mctl_span_count && mctl_spans[*until].window == number) ++*until;
}

/* A private window is a snapshot: the program's own bytes, which stay the same without it. */
static int keep_as_ordinary(uint32_t number) {
    struct window window = *window_of(number);
    size_t copy, from, until;
    int error = mctl_pages_find(window.count, 0, &copy);
    if (error != 0) return error;
    spans_of(number, &from, &until);
    for (size_t at = from; at < until && error == 0; at++)
        if (mctl_spans[at].protection == PROTECT_NONE)
            error = mctl_host_protect(mctl_spans[at].start, mctl_spans[at].count, PROTECT_READ);
    size_t bytes = window.count * mctl_page;
    if (error == 0) {
        memcpy(mctl_address(copy), mctl_address(window.start), bytes);
        error = hide(number);
    }
    if (error == EAGAIN || window_of(number)->count != 0) {
        for (size_t at = from; at < until; at++)
            (void)mctl_host_protect(mctl_spans[at].start, mctl_spans[at].count, mctl_spans[at].protection);
        mctl_pages_zero(copy, window.count);
        return error;
    }
    memcpy(mctl_address(window.start), mctl_address(copy), bytes);
    mctl_pages_zero(copy, window.count);
    for (size_t at = from; at < until; at++) {
        enum protection wanted = mctl_spans[at].protection;
        mctl_spans[at].zero = false;
        mctl_spans[at].protection = PROTECT_READ_WRITE;
        int failed = mctl_span_protect(&mctl_spans[at], wanted);
        if (failed != 0) error = failed;
    }
    return error;
}

/* Shows spans anew, each in a window of its own, but those that go. */
static int show_outside(size_t from, size_t until, size_t start, size_t count) {
    for (size_t at = from; at < until; at++) {
        struct span *span = &mctl_spans[at];
        bool inside = span->start >= start && span->start < start + count && span->references == 1;
        if (inside || span->window != 0) continue;
        int error = mctl_window_show(span, false);
        if (error != 0) return error;
    }
    return 0;
}

/* Shows spans that were in one shared window in one again. */
static int show_as_one(size_t from, size_t until) {
    struct span whole = mctl_spans[from];
    whole.count = mctl_spans[until - 1].start + mctl_spans[until - 1].count - whole.start;
    whole.protection = mctl_object(whole.object)->writable ? PROTECT_READ_WRITE : PROTECT_READ;
    int error = mctl_window_show(&whole, false);
    if (error != 0) return error;
    for (size_t at = from; at < until; at++) {
        struct span *span = &mctl_spans[at];
        span->window = whole.window;
        if (error == 0 && span->protection != whole.protection)
            error = mctl_host_protect(span->start, span->count, span->protection);
    }
    if (error != 0) (void)hide(whole.window);
    else
        for (size_t at = from; at < until; at++) mctl_spans[at].zero = false;
    return error;
}

/* The host doesn't show the file any more, though it did: what is left is memory of the program's, and zero. */
static void give_up(size_t from, size_t until) {
    for (size_t at = from; at < until; at++) {
        struct span *span = &mctl_spans[at];
        uint32_t object = span->object;
        *span = (struct span){.start = span->start, .count = span->count, .kind = ANONYMOUS, .shared = true,
                              .protection = PROTECT_READ_WRITE, .references = span->references};
        mctl_object_settle(object);
    }
}

/* Ends a shared window but for what is outside of the range: the file has the bytes, so that can be shown anew. */
static int cut_off(uint32_t number, size_t start, size_t count) {
    size_t from, until;
    spans_of(number, &from, &until);
    if (!mctl_windows_reserve(until - from)) return ENOMEM;
    int lost = hide(number);
    if (lost == EAGAIN) return lost;
    if (show_outside(from, until, start, count) == 0) return lost;
    for (size_t at = from; at < until; at++)
        if (mctl_spans[at].window != 0 && hide(mctl_spans[at].window) != 0) lost = EIO;
    if (show_as_one(from, until) == 0) return lost == 0 ? ENOMEM : lost;
    give_up(from, until);
    return EIO;
}

static bool goes(const struct span *span, size_t start, size_t count) {
    return span->kind != FREE && span->references == 1 && span->start >= start && span->start < start + count;
}

static bool stays_in_part(uint32_t number, size_t start, size_t count) {
    size_t from, until;
    spans_of(number, &from, &until);
    for (size_t at = from; at < until; at++)
        if (!goes(&mctl_spans[at], start, count)) return true;
    return false;
}

/* Puts windows and protection back where they were. */
static void restore(size_t start, size_t count) {
    for (size_t at = mctl_book_at(start); at < mctl_span_count && mctl_spans[at].start < start + count; at++) {
        struct span *span = &mctl_spans[at];
        if (!goes(span, start, count) || span->window != 0) continue;
        if (span->shared && span->object != 0) (void)mctl_window_show(span, false);
        else if (span->protection != PROTECT_READ_WRITE)
            (void)mctl_host_protect(span->start, span->count, span->protection);
    }
}

/* First what can fail, and can be taken back; then whole windows, and bytes. */
int mctl_windows_hide(size_t start, size_t count) {
    int lost = 0, error = 0;
    size_t from = mctl_book_at(start), end = start + count;
    for (size_t at = from; error == 0 && at < mctl_span_count && mctl_spans[at].start < end; at++) {
        struct span *span = &mctl_spans[at];
        if (!goes(span, start, count)) continue;
        if (span->window != 0 && stays_in_part(span->window, start, count)) {
            error = span->shared ? cut_off(span->window, start, count) : keep_as_ordinary(span->window);
            if (error == EIO) lost = EIO, error = 0;
        }
        if (error == 0 && span->window == 0 && !span->zero && span->protection != PROTECT_READ_WRITE)
            error = mctl_host_protect(span->start, span->count, PROTECT_READ_WRITE);
    }
    for (size_t at = from; error == 0 && at < mctl_span_count && mctl_spans[at].start < end; at++) {
        struct span *span = &mctl_spans[at];
        if (!goes(span, start, count) || span->window == 0) continue;
        int failed = hide(span->window);
        if (failed == EAGAIN) error = failed;
        else if (failed != 0) lost = failed;
    }
    if (error != 0) {
        restore(start, count);
        return error;
    }
    for (size_t at = from; at < mctl_span_count && mctl_spans[at].start < end; at++)
        if (goes(&mctl_spans[at], start, count) && !mctl_spans[at].zero)
            mctl_pages_zero(mctl_spans[at].start, mctl_spans[at].count);
    return lost;
}
