/* multipart: the body of an upload (RFC 7578), read from the files as it is sent, so that memory does
 * not grow with them. */
#ifndef SHEAF_CLI_MULTIPART_H
#define SHEAF_CLI_MULTIPART_H

#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"

typedef struct multipart multipart_t;

multipart_t *multipart_new(struct err *err);
void multipart_destroy(multipart_t **m);
int multipart_add_text(multipart_t *m, const char *name, const char *value, struct err *err);
/* Opens the file now and keeps it open: it is sent with the size that it has now. ERR_INPUT: no file to read.
 */
int multipart_add_file(multipart_t *m, const char *name, const char *path, struct err *err);
/* "Content-Type: multipart/form-data; boundary=..." */
const char *multipart_header(const multipart_t *m);
uint64_t multipart_length(const multipart_t *m);
uint64_t multipart_sent(const multipart_t *m);
void multipart_rewind(multipart_t *m); /* the next read begins at the start again */
/* For struct httpc_request: user is a multipart_t *. -1 when a file became shorter. */
int64_t multipart_read(void *user, void *out, size_t room);

#endif
