/* What the files of this shim share. Places are in pages: a page's number times mctl_page is its address. */
#ifndef MEMCTL_MMAN_H
#define MEMCTL_MMAN_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What may be done to bytes, as wasi:memory-control/types.protection numbers it. */
enum protection { PROTECT_NONE, PROTECT_READ, PROTECT_READ_WRITE };

/* host.c: the imports. What gives an int gives an errno, or 0. */

uint64_t mctl_host_granule(void);
int mctl_host_object(int fd, uint32_t *object);
void mctl_host_drop_object(uint32_t object);
int mctl_host_map(size_t start, size_t count, uint32_t object, uint64_t offset, enum protection protection, bool shared,
                  bool populate, uint32_t *mapping);
/* Gone in any case but EAGAIN; the pages are ordinary and zero then. */
int mctl_host_unmap(uint32_t mapping, size_t start, size_t count);
int mctl_host_publish(uint32_t mapping, size_t start, size_t count);
int mctl_host_sync(uint32_t mapping, size_t start, size_t count);
int mctl_host_protect(size_t start, size_t count, enum protection protection);
int mctl_host_discard(size_t start, size_t count);

/* book.c: which pages are whose. */

enum kind { FREE, ANONYMOUS, OF_FILE };

struct span {
    size_t start, count;
    enum kind kind;
    enum protection protection, before; /* before: while mprotect is under way */
    bool shared, locked;
    bool zero; /* while something is unmapped: the host has made it zero */
    uint32_t references; /* how many calls of mmap gave these pages out and were not undone */
    uint32_t object;     /* of a file: a number of object.c's; 0 is none */
    uint32_t window;     /* a number of window.c's; 0: these are ordinary bytes */
    uint64_t offset;     /* of the first byte in the file */
};

extern struct span *mctl_spans;
extern size_t mctl_span_count;

/* Makes room for `more` spans. Any change of the book needs room for as many spans as it adds. */
bool mctl_book_reserve(size_t more);
/* The first span that ends behind `page`: it contains the page or comes after it. */
size_t mctl_book_at(size_t page);
/* Cuts the spans that `page` and `page + count` are inside of. Gives the first span in the range; adds up to 2. */
size_t mctl_book_cut(size_t start, size_t count);
/* Makes the range one span, whatever was there; adds up to 3. */
struct span *mctl_book_put(struct span span);
/* Puts like neighbours in and around the range together. */
void mctl_book_join(size_t start, size_t count);
/* Whether all of the range is mapped, or memory that the program has from elsewhere. */
bool mctl_book_mapped(size_t start, size_t count);
/* Whether none of the range is memory that the program has from elsewhere. */
bool mctl_book_knows(size_t start, size_t count);

/* pages.c: pages of the program's memory, got and given back. */

extern size_t mctl_page;

/* Before anything else. */
int mctl_begin(void);
/* Pages that hold `len` bytes from `address` on, as POSIX rounds. */
bool mctl_range(const void *address, size_t len, size_t *start, size_t *count);
static inline char *mctl_address(size_t page) { return (char *)(page * mctl_page); }
/* A run of free pages, at `hint` if that is free; they are in the book as FREE, ordinary and zero. */
int mctl_pages_find(size_t count, size_t hint, size_t *start);
/* Whether the range is free, or can be got by growing the memory; then it is in the book as FREE. */
bool mctl_pages_claim(size_t start, size_t count);
/* New pages that the book doesn't know, for tables. */
void *mctl_pages_new(size_t bytes, size_t *got);
/* Makes ordinary pages that can be stored to zero, and gives their storage back. */
void mctl_pages_zero(size_t start, size_t count);

/* object.c: files. */

struct object {
    uint32_t handle; /* 0: this place is empty */
    uint32_t held;   /* by how many calls that are under way */
    bool writable;
    uint64_t device, inode;
};

struct object *mctl_object(uint32_t number);
/* The object of a descriptor, held. */
int mctl_object_of(int fd, bool to_write, uint32_t *number);
bool mctl_object_same(uint32_t a, uint32_t b);
/* Ends holding it; 0 is nothing. */
void mctl_object_release(uint32_t number);
/* Drops the object if no span names it, and nobody holds it. */
void mctl_object_settle(uint32_t number);

/* window.c: what the host shows where. */

uint32_t mctl_window_mapping(uint32_t number);
/* Whether the host counts it as one that is written through: some of it can be stored to, or could since it was made. */
bool mctl_window_written(uint32_t number);
/* Makes room for `more` windows. */
bool mctl_windows_reserve(size_t more);
/* Shows the span's file in its pages, which are ordinary. */
int mctl_window_show(struct span *span, bool populate);
/* Makes mapped pages ordinary and zero, but those with other references; or changes nothing. EIO: done, but bytes were lost. The book is cut at
 * the edges, and still says what was there. */
int mctl_windows_hide(size_t start, size_t count);
/* Gives a span's pages another protection; all of it, or none. */
int mctl_span_protect(struct span *span, enum protection protection);

/* map.c */

/* Ends what is mapped there, one reference of each page; or changes nothing. EIO: done, but bytes were lost. */
int mctl_unmap(size_t start, size_t count);

/* lock.c */

/* Whether what is mapped from now on is locked. */
bool mctl_locks_future(void);


/* Makes `error` a C function's result. */
static inline int mctl_result(int error) {
    if (error == 0) return 0;
    errno = error;
    return -1;
}

/* A second name, for code that was compiled without <sys/mman.h> of this shim. It gives way to a libc's own: zig's has mmap, munmap and mprotect. */
#define ALSO(name, type, ...) \
    type memctl_also_##name(__VA_ARGS__) __asm__(#name) __attribute__((weak, alias("memctl_" #name)))

#endif
