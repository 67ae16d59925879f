/* A file that declares msync itself. */

#include <stddef.h>

int msync(void *, size_t, int);
int msync_from_elsewhere(void *place, size_t len, int flags);
int msync_from_elsewhere(void *place, size_t len, int flags) { return msync(place, len, flags); }
