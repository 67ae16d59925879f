/* SQLite's system calls, counted. On WASI this is also how SQLite gets mmap and munmap at all: there it leaves their places empty. */
#ifndef CALLS_H
#define CALLS_H

#include <stdint.h>

#include "sqlite3.h"

struct calls {
    uint64_t maps, unmaps, mapped_bytes, reads, read_bytes, writes, syncs;
};

extern struct calls calls;

/* Puts them into a VFS of the "unix" family. */
void count_calls(sqlite3_vfs *vfs);

#endif
