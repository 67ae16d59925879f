/* What a database holds after so many transactions of the crash tests, without a database: the version of each record, 0 for none. */
#ifndef MODEL_H
#define MODEL_H

#include "driver.h"

#define MODEL_KEYS 600
#define MODEL_CHANGES 25
#define MODEL_LONGEST 20000

struct model {
    uint64_t seed, transactions;
    uint64_t versions[MODEL_KEYS];
};

/* A record gets another version, or none. */
struct change {
    uint64_t key, version;
};

/* The length of a version's text: most are short, some take several pages. */
static inline size_t model_len(uint64_t version) {
    return version % 20 == 0 ? 3000 + version % 17000 : 20 + version % 200;
}

/* Change `i` of transaction `t`, made to the model too. Transactions come in their order. */
static inline struct change model_change(struct model *model, uint64_t t, unsigned i) {
    uint64_t number = mix(model->seed ^ mix(t * MODEL_CHANGES + i));
    struct change change = {number % MODEL_KEYS, (number >> 20 & 0xffffffff) + 1};
    if (model->versions[change.key] && number >> 60 < 5)
        change.version = 0;
    model->versions[change.key] = change.version;
    return change;
}

static inline void model_start(struct model *model, uint64_t seed, uint64_t transactions) {
    memset(model, 0, sizeof *model);
    model->seed = seed;
    for (uint64_t t = 0; t < transactions; t++)
        for (unsigned i = 0; i < MODEL_CHANGES; i++)
            model_change(model, t, i);
}

static inline uint64_t model_records(const struct model *model) {
    uint64_t records = 0;
    for (unsigned i = 0; i < MODEL_KEYS; i++)
        records += model->versions[i] != 0;
    return records;
}

#endif
