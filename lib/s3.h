/* s3: one bucket of an S3 server, or of anything that speaks its protocol.
 *
 * Path style (<endpoint>/<bucket>/<key>), which every server understands; signed by Signature Version 4 with the key of
 * AWS_ACCESS_KEY_ID and its kin.  Every call goes through lib/provider, so that what is said there of errors, pauses and attempts
 * holds; besides, ERR_INPUT with code "not_found" when there is no such object.  Any thread.
 *
 * Keys are made of letters, digits and "/._-" and are sent as they are; what belongs to whom is the caller's affair.
 */
#ifndef SHEAF_S3_H
#define SHEAF_S3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/provider.h"
#include "lib/settings.h"

#define S3_TITLE     "S3"
#define S3_KEY_MAX   256
#define S3_LIST_MOST 1000 /* keys in a list, or removed by one call: the protocol's limit */

typedef struct s3 s3_t;

/* name, types and calls as in struct provider_options. ERR_CONFIG names the setting that is missing. */
s3_t *s3_open(const struct settings *settings, const char *name, const char *types, int calls, struct err *err);
void s3_close(s3_t **s3);
int64_t s3_paused_until_ms(s3_t *s3); /* see throttle.h */

struct s3_put {
    const char *key, *mime, *digest; /* digest: of the bytes, in hex */
};
/* Durable and whole when they return 0. */
int s3_put_file(s3_t *s3, const struct s3_put *put, int fd, int64_t size, struct err *err);
int s3_put_data(s3_t *s3, const struct s3_put *put, const void *data, size_t len, struct err *err);

int s3_get(s3_t *s3, const char *key, int fd, int64_t *size, struct err *err);      /* into the caller's empty file */
int s3_get_file(s3_t *s3, const char *key, int *fd, int64_t *size, struct err *err); /* a file without a name, the caller's */
int s3_head(s3_t *s3, const char *key, struct err *err);                            /* is it there? */
int s3_delete(s3_t *s3, const char *key, struct err *err);                          /* no error when it is not there */

/* The keys that begin with `prefix`, in order, from the first behind `after` (NULL: from the first): at most S3_LIST_MOST.
 * `each` returns -1 to break off. */
struct s3_entry {
    const char *key;
    int64_t modified_ms; /* by the server's clock, since 1970; 0: it did not say */
};
int s3_list(s3_t *s3, const char *prefix, const char *after, int (*each)(void *user, const struct s3_entry *entry), void *user,
            struct err *err);
/* Everything that begins with `prefix`. */
int s3_delete_all(s3_t *s3, const char *prefix, struct err *err);

/* Appends an address at which anybody may GET the object for expires_s seconds (at most a week). Asks nobody. -1: no memory. */
int s3_link(s3_t *s3, const char *key, int64_t expires_s, struct buf *out);

/* Free of charge and of effect: may we look into the bucket? */
int s3_probe(s3_t *s3, struct err *err);

/* Pure: such an address.  base: scheme, host and bucket; token: of temporary credentials, or NULL. */
struct s3_presign {
    const char *base, *key, *region, *key_id, *secret, *token;
    int64_t expires_s, now_s; /* now_s: since 1970 */
};
int s3_presign(const struct s3_presign *link, struct buf *out);
/* Pure: what an answer means. */
provider_judge s3_judge;
/* Pure: reads a ListBucketResult. -1: it is none, or `each` broke off. */
int s3_list_read(const char *xml, int (*each)(void *user, const struct s3_entry *entry), void *user);

#endif
