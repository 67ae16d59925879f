#include "driver.h"

#include <stdarg.h>

static uint64_t steps_done, steps_last;
static int steps_show;

void start_steps(uint64_t last, int dots) {
    steps_done = 0, steps_last = last, steps_show = dots;
}

void step(void) {
    steps_done++;
    if (steps_show) {
        putchar('.');
        fflush(stdout);
    }
    if (steps_done == steps_last)
        __builtin_trap();
}

uint64_t steps(void) {
    return steps_done;
}

uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void fill_text(char *into, size_t len, uint64_t seed) {
    uint64_t bits = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 12 == 0)
            bits = mix(seed + i);
        /* A space now and then: words. */
        unsigned letter = bits & 31;
        into[i] = letter < 26 ? (char)('a' + letter) : ' ';
        bits >>= 5;
    }
}

void fail(const char *format, ...) {
    va_list list;
    va_start(list, format);
    fflush(stdout);
    fputs("driver: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

const char *option(int argc, char **argv, const char *name) {
    size_t len = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) || strncmp(argv[i] + 2, name, len))
            continue;
        const char *rest = argv[i] + 2 + len;
        if (!*rest)
            return rest;
        if (*rest == '=')
            return rest + 1;
    }
    return NULL;
}

uint64_t number(int argc, char **argv, const char *name, uint64_t otherwise) {
    const char *value = option(argc, argv, name);
    return value ? strtoull(value, NULL, 10) : otherwise;
}

#define KEYS (1u << 12)
#define KEY 16

/* As a database knows it: only when it runs. Else some compilers would compare without calling memcmp. */
static volatile size_t key_len = KEY;

/* Sorts by halves. Not qsort: every C library has another one. */
static void sort(const unsigned char **keys, const unsigned char **space, unsigned count, size_t len) {
    if (count < 2)
        return;
    unsigned half = count / 2, a = 0, b = half, to = 0;
    sort(keys, space, half, len);
    sort(keys + half, space, count - half, len);
    memcpy(space, keys, count * sizeof *keys);
    while (a < half && b < count)
        keys[to++] = memcmp(space[a], space[b], len) <= 0 ? space[a++] : space[b++];
    while (a < half)
        keys[to++] = space[a++];
    while (b < count)
        keys[to++] = space[b++];
}

uint64_t compute(void) {
    static unsigned char bytes[KEYS][KEY];
    static const unsigned char *keys[KEYS], *space[KEYS];
    size_t len = key_len;
    for (unsigned i = 0; i < KEYS; i++) {
        fill_text((char *)bytes[i], KEY, i * 31u);
        keys[i] = bytes[i];
    }
    sort(keys, space, KEYS, len);
    uint64_t found = hash_of(HASH_START, bytes, sizeof bytes);
    for (unsigned i = 0; i < KEYS; i++) {
        const unsigned char *key = bytes[mix(i) % KEYS];
        unsigned low = 0, high = KEYS;
        while (high - low > 1) {
            unsigned middle = low + (high - low) / 2;
            if (memcmp(keys[middle], key, len) <= 0)
                low = middle;
            else
                high = middle;
        }
        found += low;
    }
    return found;
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values, uint64_t count) {
    qsort(values, count, sizeof *values, by_value);
    return values[count / 2];
}

enum { WARM_UP = 50 };

void measure(uint64_t rounds, uint64_t (*read)(void *, uint64_t round), void *with) {
    uint64_t *reads = calloc(rounds, sizeof *reads), *computes = calloc(rounds, sizeof *computes), result = 0;
    if (!reads || !computes)
        fail("no memory for %llu rounds", (unsigned long long)rounds);
    /* First unmeasured: every page is touched for the first time once. */
    for (uint64_t round = 0; round < WARM_UP; round++)
        result += read(with, rounds + round) + compute();
    for (uint64_t round = 0; round < rounds; round++) {
        uint64_t start = now_ns();
        result += read(with, round);
        uint64_t middle = now_ns();
        result += compute();
        reads[round] = middle - start;
        computes[round] = now_ns() - middle;
    }
    printf("reads %llu ns\ncompute %llu ns\nresult %016llx\n", (unsigned long long)median(reads, rounds),
           (unsigned long long)median(computes, rounds), (unsigned long long)result);
    free(reads);
    free(computes);
}
