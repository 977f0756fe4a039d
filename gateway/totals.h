/* totals: how many deliveries of each stage ended how (proto/redis/README.md, `totals`), and how fast, over about
 * the last minute.  The main loop samples, any thread reads. */
#ifndef SHEAF_GATEWAY_TOTALS_H
#define SHEAF_GATEWAY_TOTALS_H

#include <stdint.h>
#include "gateway/gateway.h"
#include "proto/stages.h"

struct totals;

struct totals *totals_new(void);
void totals_destroy(struct totals **t);
/* Once a second; asks Redis every TOTALS_EVERY_MS. */
#define TOTALS_EVERY_MS 5000
int totals_sample(struct totals *t, struct gateway *g, struct err *err);

enum total { TOTAL_DONE, TOTAL_RETRY, TOTAL_THROTTLED, TOTAL_LOST, TOTAL_BURIED, TOTALS };
struct totals_of {
    int64_t now[TOTALS];
    double per_s; /* done; 0 until two samples are there */
};
struct totals_of totals_of(struct totals *t, int stage);

#endif
