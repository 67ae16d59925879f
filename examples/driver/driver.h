/* What the database drivers share: a way to die at a chosen step, numbers that look random, time, a plain computation. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A step is a moment in which the program may be made to die: step number `last` is the program's last, by a trap in a guest and a signal
   natively; 0 is none. With `dots` each step shows on stdout, so that somebody else may end the program there. */
void start_steps(uint64_t last, int dots);
void step(void);
uint64_t steps(void);

/* A number for a number: splitmix64. */
static inline uint64_t mix(uint64_t x) {
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* FNV-1a. */
#define HASH_START 0xcbf29ce484222325u
static inline uint64_t hash_of(uint64_t hash, const void *bytes, size_t len) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u;
    return hash;
}

uint64_t now_ns(void);

/* Fills `into` with text that depends on `seed` only. */
void fill_text(char *into, size_t len, uint64_t seed);

/* Says what went wrong, and ends the program with exit code 1. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The value of `--name=value`, or NULL; "" for `--name`. */
const char *option(int argc, char **argv, const char *name);
uint64_t number(int argc, char **argv, const char *name, uint64_t otherwise);

/* Plain computation in memory, the same in every build: sorts, hashes and looks up keys. Gives back a result that depends on all of it. */
uint64_t compute(void);

/* Takes turns with `compute` and `read`, `rounds` times, and prints the median of each in nanoseconds. */
void measure(uint64_t rounds, uint64_t (*read)(void *, uint64_t round), void *with);

#endif
