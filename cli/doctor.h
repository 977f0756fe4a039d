/* doctor: what was looked at, what is wrong, how to mend it. */
#ifndef SHEAF_CLI_DOCTOR_H
#define SHEAF_CLI_DOCTOR_H

#include <jansson.h>
#include "cli/cli.h"

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_WRONG };

struct report {
    json_t *findings; /* [{subject, verdict, text, mend}] */
    int wrong;
};

/* `mend`: what to do about it; NULL when all is well. */
void report_add(struct report *report, enum verdict verdict, const char *subject, const char *mend,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Reachable, version, what it does when full, persistence, encryption, clock. */
void doctor_redis(const struct cli *cli, struct report *report);

/* One real, free call to each provider outside that is configured (lib/svc.h, --probe). */
void doctor_providers(const struct cli *cli, struct report *report);

/* The pure half: judges the text of INFO. */
void doctor_redis_info(const char *info, struct report *report);

#endif
