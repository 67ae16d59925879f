// The header in C++, by itself.
#include <sys/mman.h>

namespace cache {
struct file {
    void *mmap = nullptr;
    int munmap() { return ::munmap(mmap, 1); }
};
}  // namespace cache

void *map() { return ::mmap(nullptr, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); }
extern void *(*const function)(void *, size_t, int, int, int, off_t);
void *(*const function)(void *, size_t, int, int, int, off_t) = &mmap;
int unmap() { return cache::file{map()}.munmap(); }
