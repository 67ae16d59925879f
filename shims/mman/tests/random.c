/* A random program over the whole of sys/mman.h, of which every step is printed with a hash of all that can be read. It says the same natively and
 * in a guest: places are in units of 64 KiB, and what Linux leaves open is left out. Arguments: a folder, the first seed, how many seeds, how many
 * steps, and `stores` where nothing can be protected. */

#include "say.h"

enum { UNIT = 65536, FILES = 3, LONGEST = 6, AREAS = 8, HOST_PAGE = 4096 };

/* A unit of an area. */
struct unit {
    int mapped, file, shared, prot;
    off_t offset;
    size_t valid; /* a private file's bytes that were there when it was mapped */
};

struct area {
    char *start;
    int count;      /* 0: not in use */
    int in_pieces;  /* mapped by more than one call, or protected in parts: Linux may have split it */
    struct unit units[2 * LONGEST];
};

static struct area areas[AREAS];
static int fds[FILES];
static off_t lengths[FILES];
static char names[FILES][512];
static int protects;
static uint64_t state;

static uint32_t draw(uint32_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)((state >> 16) % below);
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* The bytes of a file from `offset` on that a page shows: to the end of the host page that the file ends in. */
static size_t shown(int file, off_t offset) {
    off_t end = (lengths[file] + HOST_PAGE - 1) / HOST_PAGE * HOST_PAGE;
    return end <= offset ? 0 : least((size_t)(end - offset), UNIT);
}

/* How many bytes of a unit can be loaded, and how many can be stored to. */
static size_t loads(const struct unit *unit) {
    if (!unit->mapped || unit->prot == PROT_NONE) return 0;
    if (unit->file < 0) return UNIT;
    return unit->shared ? shown(unit->file, unit->offset) : unit->valid;
}

static size_t stores(const struct unit *unit) {
    if (!unit->mapped || unit->prot != RW) return 0;
    if (unit->file < 0) return UNIT;
    if (!unit->shared) return unit->valid;
    return lengths[unit->file] <= unit->offset ? 0 : least((size_t)(lengths[unit->file] - unit->offset), UNIT);
}

/* A private mapping is a snapshot; Linux makes it one where something was stored. */
static void make_snapshot(struct area *area, int from, int count) {
    for (int at = from; at < from + count; at++) {
        struct unit *unit = &area->units[at];
        if (!unit->mapped || unit->file < 0 || unit->shared) continue;
        unit->valid = shown(unit->file, unit->offset);
        int prot = unit->prot;
        char *start = area->start + (size_t)at * UNIT;
        if (prot != RW && mprotect(start, UNIT, RW) != 0) unit->valid = 0;
        for (size_t byte = 0; byte < unit->valid; byte += HOST_PAGE) ((volatile char *)start)[byte] = start[byte];
        if (prot != RW && mprotect(start, UNIT, prot) != 0 && unit->valid != 0) unit->prot = RW;
        area->in_pieces |= prot != RW;
    }
}

static uint64_t hash_of(uint64_t hash, const char *from, size_t len) {
    for (; len >= 8; from += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, from, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; len > 0; from++, len--) hash = (hash ^ (unsigned char)*from) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_all(void) {
    static char bytes[UNIT];
    uint64_t hash = 1;
    for (int at = 0; at < AREAS; at++)
        for (int unit = 0; unit < areas[at].count; unit++)
            hash = hash_of(hash + 1, areas[at].start + (size_t)unit * UNIT, loads(&areas[at].units[unit]));
    for (int file = 0; file < FILES; file++) {
        ssize_t got;
        for (off_t offset = 0; (got = pread(fds[file], bytes, UNIT, offset)) > 0; offset += got)
            hash = hash_of(hash, bytes, (size_t)got);
        struct stat stat;
        if (fstat(fds[file], &stat) == 0) hash = hash * 31 + (uint64_t)stat.st_size;
    }
    return hash;
}

/* Whether a shared window shows any of it, but for units `[from, from + count)` of an area. */
static int is_shown(int file, off_t offset, int units, const struct area *but, int from, int count) {
    for (int at = 0; at < AREAS; at++)
        for (int unit = 0; unit < areas[at].count; unit++) {
            const struct unit *other = &areas[at].units[unit];
            if (&areas[at] == but && unit >= from && unit < from + count) continue;
            if (!other->mapped || !other->shared || other->file != file) continue;
            if (other->offset < offset + (off_t)units * UNIT && offset < other->offset + UNIT) return 1;
        }
    return 0;
}

static int some_prot(void) {
    static const int prots[] = {RW, RW, PROT_READ, PROT_NONE};
    return protects ? prots[draw(4)] : RW;
}

/* Draws what could be mapped; whether it may be. */
static int draw_unit(struct unit *unit, int units, const struct area *but, int from) {
    *unit = (struct unit){.mapped = 1, .file = (int)draw(FILES + 1) - 1, .shared = (int)draw(2), .prot = some_prot()};
    if (unit->file < 0) return 1;
    unit->offset = (off_t)draw(LONGEST) * UNIT;
    return !unit->shared || !is_shown(unit->file, unit->offset, units, but, from, units);
}

static int flags_of(const struct unit *unit) {
    return (unit->shared ? MAP_SHARED : MAP_PRIVATE) | (unit->file < 0 ? MAP_ANONYMOUS : 0);
}

static void fill(struct area *area, int from, int count, struct unit unit) {
    for (int at = from; at < from + count; at++) {
        area->units[at] = unit;
        unit.offset += UNIT;
    }
    make_snapshot(area, from, count);
}

static struct area *an_area(int in_use) {
    int first = (int)draw(AREAS);
    for (int at = 0; at < AREAS; at++) {
        struct area *area = &areas[(first + at) % AREAS];
        if ((area->count != 0) == in_use) return area;
    }
    return NULL;
}

static void a_part(const struct area *area, int *from, int *count) {
    *from = (int)draw((uint32_t)area->count);
    *count = 1 + (int)draw((uint32_t)(area->count - *from));
}

static const char *said(int result) { return result == 0 ? "done" : name_of(errno); }

static void map_new(void) {
    struct area *area = an_area(0);
    int count = 1 + (int)draw(LONGEST);
    struct unit unit;
    if (area == NULL || !draw_unit(&unit, count, NULL, 0)) return;
    size_t len = (size_t)count * UNIT - draw(HOST_PAGE);
    char *start = mmap(NULL, len, unit.prot, flags_of(&unit), unit.file < 0 ? -1 : fds[unit.file], unit.offset);
    printf(" map %d of file %d, %s: %s", count, unit.file, unit.shared ? "shared" : "private",
           start == MAP_FAILED ? name_of(errno) : "mapped");
    if (start == MAP_FAILED) return;
    *area = (struct area){.start = start, .count = count};
    fill(area, 0, count, unit);
}

/* Forgets units at both ends that are not mapped, and an area of which none is. */
static void trim(struct area *area) {
    while (area->count > 0 && !area->units[area->count - 1].mapped) area->count--;
    int gone = 0;
    while (gone < area->count && !area->units[gone].mapped) gone++;
    area->start += (size_t)gone * UNIT;
    area->count -= gone;
    memmove(area->units, area->units + gone, (size_t)area->count * sizeof area->units[0]);
}

static void map_over(void) {
    struct area *area = an_area(1);
    int from, count;
    struct unit unit;
    if (area == NULL) return;
    a_part(area, &from, &count);
    if (!draw_unit(&unit, count, area, from)) return;
    char *start = area->start + (size_t)from * UNIT;
    char *got = mmap(start, (size_t)count * UNIT, unit.prot, flags_of(&unit) | MAP_FIXED,
                     unit.file < 0 ? -1 : fds[unit.file], unit.offset);
    printf(" map %d of file %d over %d: %s", count, unit.file, from, got == start ? "mapped" : name_of(errno));
    area->in_pieces = 1;
    if (got == start) {
        fill(area, from, count, unit);
        return;
    }
    /* What was there may be unmapped. */
    for (int at = from; at < from + count; at++) {
        unsigned char resident[UNIT / HOST_PAGE];
        area->units[at].mapped &= mincore(area->start + (size_t)at * UNIT, UNIT, resident) == 0;
    }
    trim(area);
}

static void unmap(void) {
    struct area *area = an_area(1);
    int from, count;
    if (area == NULL) return;
    a_part(area, &from, &count);
    /* Addresses that are free may be somebody else's soon. */
    for (int at = from; at < from + count; at++)
        if (!area->units[at].mapped) return;
    if (from != 0 && from + count != area->count) return;
    int result = munmap(area->start + (size_t)from * UNIT, (size_t)count * UNIT);
    printf(" unmap %d at %d: %s", count, from, said(result));
    if (result != 0) return;
    for (int at = from; at < from + count; at++) area->units[at].mapped = 0;
    trim(area);
}

/* Two areas of one, with what was between them unmapped. */
static void unmap_middle(void) {
    struct area *area = an_area(1), *rest = an_area(0);
    if (area == NULL || rest == NULL || area->count < 3) return;
    int from = 1 + (int)draw((uint32_t)area->count - 2), behind = area->count - from - 1;
    int result = munmap(area->start + (size_t)from * UNIT, UNIT);
    printf(" unmap the middle, %d: %s", from, said(result));
    if (result != 0) return;
    *rest = (struct area){.start = area->start + (size_t)(from + 1) * UNIT, .count = behind, .in_pieces = area->in_pieces};
    memcpy(rest->units, &area->units[from + 1], (size_t)behind * sizeof rest->units[0]);
    area->count = from;
}

static void protect(void) {
    struct area *area = an_area(1);
    int from, count, prot = some_prot();
    if (area == NULL || !protects) return;
    a_part(area, &from, &count);
    int result = mprotect(area->start + (size_t)from * UNIT, (size_t)count * UNIT, prot);
    printf(" protect %d at %d, %d: %s", count, from, prot, said(result));
    area->in_pieces = 1;
    if (result == 0)
        for (int at = from; at < from + count; at++) area->units[at].prot = prot;
}

static void store(void) {
    struct area *area = an_area(1);
    if (area == NULL) return;
    int at = (int)draw((uint32_t)area->count);
    size_t most = stores(&area->units[at]);
    if (most == 0) return;
    size_t from = draw((uint32_t)most), len = 1 + draw((uint32_t)least(most - from, 5000));
    memset(area->start + (size_t)at * UNIT + from, (int)draw(256), len);
    printf(" store %zu at %zu of %d", len, from, at);
}

static void write_file(void) {
    static char bytes[5000];
    int file = (int)draw(FILES);
    off_t offset = (off_t)draw(LONGEST * UNIT);
    size_t len = 1 + draw(sizeof bytes);
    memset(bytes, (int)draw(256), len);
    ssize_t got = pwrite(fds[file], bytes, len, offset);
    if (offset + (off_t)len > lengths[file]) lengths[file] = offset + (off_t)len;
    printf(" pwrite %zu at %lld of file %d: %zd", len, (long long)offset, file, got);
}

static void resize(void) {
    int file = (int)draw(FILES);
    off_t len = (off_t)draw(LONGEST * UNIT);
    printf(" ftruncate file %d to %lld: %s", file, (long long)len, said(ftruncate(fds[file], len)));
    lengths[file] = len;
    for (int at = 0; at < AREAS; at++)
        for (int unit = 0; unit < areas[at].count; unit++) {
            struct unit *cut = &areas[at].units[unit];
            if (cut->file == file && !cut->shared) cut->valid = least(cut->valid, shown(file, cut->offset));
        }
}

static void sync_part(void) {
    struct area *area = an_area(1);
    int from, count;
    if (area == NULL) return;
    a_part(area, &from, &count);
    int flags = draw(2) ? MS_SYNC : MS_ASYNC;
    printf(" msync %d at %d: %s", count, from, said(msync(area->start + (size_t)from * UNIT, (size_t)count * UNIT, flags)));
}

static void give_up(void) {
    struct area *area = an_area(1);
    int from, count;
    if (area == NULL) return;
    a_part(area, &from, &count);
    int result = madvise(area->start + (size_t)from * UNIT, (size_t)count * UNIT, MADV_DONTNEED);
    printf(" give up %d at %d: %s", count, from, said(result));
    if (result == 0) make_snapshot(area, from, count);
}

static void remap(void) {
    struct area *area = an_area(1);
    if (area == NULL || area->in_pieces) return;
    struct unit *first = &area->units[0];
    int count = area->count, new_count = 1 + (int)draw(LONGEST);
    if (first->shared && first->file < 0 && new_count > count) return; /* SIGBUS natively */
    if (first->file >= 0 && first->shared && is_shown(first->file, first->offset, new_count, area, 0, count)) return;
    char *start = mremap(area->start, (size_t)count * UNIT, (size_t)new_count * UNIT, MREMAP_MAYMOVE);
    printf(" remap %d to %d: %s", count, new_count, start == MAP_FAILED ? name_of(errno) : "mapped");
    if (start == MAP_FAILED) return;
    area->start = start;
    area->count = new_count;
    for (int at = count; at < new_count; at++) {
        area->units[at] = *first;
        area->units[at].offset += (off_t)at * UNIT;
        make_snapshot(area, at, 1);
    }
}

static void reopen(void) {
    int file = (int)draw(FILES);
    close(fds[file]);
    fds[file] = open(names[file], O_RDWR);
    printf(" reopen file %d", file);
}

static void run(uint64_t seed, long steps) {
    static void (*const kinds[])(void) = {map_new, map_new, map_over, unmap,  unmap_middle, protect, store,  store,
                                          store,   store,   write_file, write_file, resize,   sync_part, give_up, remap, reopen};
    state = seed * 0x9e3779b97f4a7c15u + 1;
    for (int at = 0; at < 8; at++) draw(2);
    for (int file = 0; file < FILES; file++) {
        fds[file] = open(names[file], O_RDWR | O_CREAT | O_TRUNC, 0644);
        lengths[file] = (off_t)draw(LONGEST * UNIT);
        if (fds[file] < 0 || ftruncate(fds[file], lengths[file]) != 0) abort();
    }
    for (long step = 0; step < steps; step++) {
        printf("%llu.%ld", (unsigned long long)seed, step);
        kinds[draw(sizeof kinds / sizeof *kinds)]();
        printf(" | %016llx\n", (unsigned long long)hash_all());
    }
    for (int at = 0; at < AREAS; at++) {
        if (areas[at].count != 0) munmap(areas[at].start, (size_t)areas[at].count * UNIT);
        areas[at].count = 0;
    }
    printf("%llu ends | %016llx\n", (unsigned long long)seed, (unsigned long long)hash_all());
    for (int file = 0; file < FILES; file++) close(fds[file]);
}

int main(int argc, char **argv) {
    if (argc < 5) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    protects = argc == 5;
    for (int file = 0; file < FILES; file++) snprintf(names[file], sizeof names[file], "%s/random-%d", argv[1], file);
    uint64_t first = strtoull(argv[2], NULL, 10), seeds = strtoull(argv[3], NULL, 10);
    for (uint64_t seed = first; seed < first + seeds; seed++) run(seed, atol(argv[4]));
    return 0;
}
