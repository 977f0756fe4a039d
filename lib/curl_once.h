/* curl_once: the start of libcurl, for the two files that use it (httpc, smtpc). */
#ifndef SHEAF_CURL_ONCE_H
#define SHEAF_CURL_ONCE_H

#include <stdbool.h>

/* False: it cannot be used.  Not at the start of the process: curl loads all of OpenSSL, 2 MB that a process which has
 * not called anybody yet does without.  Any thread. */
bool curl_once(void);

#endif
