#include "calls.h"

#include <sys/mman.h>
#include <unistd.h>

#include "../driver/driver.h"

struct calls calls;

static void *counted_mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset) {
    calls.maps++, calls.mapped_bytes += len;
    return mmap(at, len, protection, flags, fd, offset);
}

static int counted_munmap(void *at, size_t len) {
    calls.unmaps++;
    return munmap(at, len);
}

static ssize_t counted_pread(int fd, void *into, size_t len, off_t offset) {
    ssize_t done = pread(fd, into, len, offset);
    calls.reads++, calls.read_bytes += done > 0 ? (uint64_t)done : 0;
    return done;
}

/* A write may be cut off anywhere: the journal has what was there before. */
static ssize_t counted_pwrite(int fd, const void *from, size_t len, off_t offset) {
    calls.writes++;
    step();
    if (len > 1 && pwrite(fd, from, len / 2, offset) > 0)
        step();
    ssize_t done = pwrite(fd, from, len, offset);
    step();
    return done;
}

static int counted_ftruncate(int fd, off_t len) {
    step();
    int result = ftruncate(fd, len);
    step();
    return result;
}

static int counted_unlink(const char *path) {
    step();
    int result = unlink(path);
    step();
    return result;
}

void count_calls(sqlite3_vfs *vfs) {
    const struct {
        const char *name;
        sqlite3_syscall_ptr call;
    } all[] = {
        {"mmap", (sqlite3_syscall_ptr)counted_mmap},     {"munmap", (sqlite3_syscall_ptr)counted_munmap},
        {"pread", (sqlite3_syscall_ptr)counted_pread},   {"pwrite", (sqlite3_syscall_ptr)counted_pwrite},
        {"ftruncate", (sqlite3_syscall_ptr)counted_ftruncate}, {"unlink", (sqlite3_syscall_ptr)counted_unlink},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (vfs->xSetSystemCall(vfs, all[i].name, all[i].call))
            fail("SQLite has no system call %s to replace", all[i].name);
}
