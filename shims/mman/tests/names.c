/* The functions under their own names, in whatever way a program comes to them. */

#include "say.h"

typedef void *(*map_function)(void *, size_t, int, int, int, off_t);

/* As a file declares it that doesn't include <sys/mman.h>. */
int msync_from_elsewhere(void *place, size_t len, int flags);

struct calls {
    map_function mmap;
    int (*munmap)(void *, size_t);
};

int main(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const struct calls calls = {&mmap, munmap};
    char *place = calls.mmap(NULL, 2 * page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SAY_IF("through a pointer", place != MAP_FAILED);
    /* A libc's own munmap would not take a part. */
    SAY("a part", calls.munmap(place, page));
    SAY("from a file without the header", msync_from_elsewhere(place, 2 * page, MS_SYNC));
    SAY("the rest", munmap(place + page, page));
    SAY_MAP("mmap64", place, mmap64(NULL, page, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    return 0;
}
