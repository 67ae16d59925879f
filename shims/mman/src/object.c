/* Files that are mapped: one handle for each file and way in which it was opened, for as long as a span names it. */

#include "mman.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct object first[16];
static struct object *objects = first;
static size_t capacity = sizeof first / sizeof first[0];

struct object *mctl_object(uint32_t number) { return &objects[number - 1]; }

static uint32_t empty_place(void) {
    for (size_t at = 0; at < capacity; at++)
        if (objects[at].handle == 0) return (uint32_t)at + 1;
    size_t got;
    struct object *more = mctl_pages_new(2 * capacity * sizeof *more, &got);
    if (more == NULL) return 0;
    memcpy(more, objects, capacity * sizeof *more);
    uint32_t place = (uint32_t)capacity + 1;
    objects = more;
    capacity = got / sizeof *more;
    return place;
}

bool mctl_object_same(uint32_t a, uint32_t b) {
    return mctl_object(a)->device == mctl_object(b)->device && mctl_object(a)->inode == mctl_object(b)->inode;
}

int mctl_object_of(int fd, bool to_write, uint32_t *number) {
    struct stat stat;
    if (fstat(fd, &stat) != 0) return EBADF;
    if (!S_ISREG(stat.st_mode)) return ENODEV;
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return EBADF;
    int access = flags & (O_RDONLY | O_WRONLY | O_RDWR);
    bool writable = access == O_RDWR;
    if (access != O_RDONLY && !writable) return EACCES;
    if (to_write && !writable) return EACCES;

    uint32_t place = empty_place();
    if (place == 0) return ENOMEM;
    struct object object = {.writable = writable, .device = stat.st_dev, .inode = stat.st_ino};
    int error = mctl_host_object(fd, &object.handle);
    if (error != 0) return error;
    /* A handle's number may be 0 for the host. */
    object.handle++;
    *mctl_object(place) = object;
    for (*number = 1; *number < place; ++*number) {
        struct object *other = mctl_object(*number);
        if (other->handle != 0 && other->writable == writable && mctl_object_same(*number, place)) {
            other->held++;
            mctl_object_settle(place);
            return 0;
        }
    }
    *number = place;
    mctl_object(place)->held = 1;
    return 0;
}

void mctl_object_release(uint32_t number) {
    if (number == 0) return;
    mctl_object(number)->held--;
    mctl_object_settle(number);
}

void mctl_object_settle(uint32_t number) {
    if (number == 0 || mctl_object(number)->handle == 0 || mctl_object(number)->held != 0) return;
    for (size_t at = 0; at < mctl_span_count; at++)
        if (mctl_spans[at].object == number) return;
    mctl_host_drop_object(mctl_object(number)->handle - 1);
    mctl_object(number)->handle = 0;
}
