/* retry_after: how long a server asks us to wait, from the headers of its answer.  Pure. */
#ifndef SHEAF_RETRY_AFTER_H
#define SHEAF_RETRY_AFTER_H

#include <stdint.h>

/* retry-after-ms, else Retry-After (RFC 9110, 10.2.3: seconds, which some servers send with decimals, or a date).
 * -1: the answer says nothing that can be understood.  `headers` as httpc gives them. */
int64_t retry_after_of(const char *headers, int64_t wall_ms);

/* A Go duration, as OpenAI and Groq write their x-ratelimit-reset-*: "2m59.56s", "172ms", "1h2m3s"; -1: not one. */
int64_t retry_after_go_ms(const char *text);

#endif
