/* intake: the parts of one upload, from bytes to blobs.
 *
 * It is the sink of a multipart parser.  Each file is judged by its first bytes and written to the blob store
 * while it arrives, with its SHA-256; a bad file becomes an entry of `errors` and leaves nothing behind, a
 * bad request ends everything.  Memory: one blob chunk and 4 KiB, whatever the files' sizes.  One thread. */
#ifndef SHEAF_GATEWAY_INTAKE_H
#define SHEAF_GATEWAY_INTAKE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "gateway/filename.h"
#include "gateway/gateway.h"
#include "gateway/multipart.h"
#include "gateway/sniff.h"
#include "lib/digest.h"
#include "proto/ids.h"

#define INTAKE_KEY_MAX 200

enum intake_class { INTAKE_HIGH = 1, INTAKE_NORMAL, INTAKE_LOW };

/* What comes beside the files: as fields, in the query, or as a header. */
struct intake_options {
    char batch[ID_TEXT];          /* "": the request is a batch of its own */
    char key[INTAKE_KEY_MAX + 1]; /* Idempotency-Key, "" none */
    enum intake_class class;
};

struct intake_file {
    char id[ID_TEXT]; /* of its job */
    char name[FILENAME_BYTES + 1];
    char digest[DIGEST_HEX];
    int64_t size;
    const char *mime;
};

struct intake; /* opaque: see intake.c */

struct intake *intake_new(struct gateway *g, const char *owner);
/* The blobs of an intake that was not given away are dropped. */
void intake_destroy(struct intake **in);

const struct multipart_sink *intake_sink(struct intake *in);
/* An option from outside the body: "batch_id", "idempotency_key", "priority", "ocr_provider"; others are
 * ignored. */
int intake_option(struct intake *in, const char *name, const char *value, struct err *err);
/* Why a callback broke the parse off. */
const struct err *intake_error(const struct intake *in);

const struct intake_options *intake_options(const struct intake *in);
const struct intake_file *intake_files(const struct intake *in, int *n);
json_t *intake_errors(const struct intake *in); /* array of texts, one for each bad file; borrowed */
const char *
intake_bad_code(const struct intake *in); /* the code that stands for all of them; "" when there are none */
unsigned intake_shard(struct intake *in); /* of everything in this request */

/* The blobs belong to jobs from here on. */
void intake_give_away(struct intake *in);

#endif
