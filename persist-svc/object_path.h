/* object_path: the names of objects: essay-submissions/<owner>/<base>/original.<ext> and what lies beside it.
 * Pure. */
#ifndef SHEAF_PERSIST_SVC_OBJECT_PATH_H
#define SHEAF_PERSIST_SVC_OBJECT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define OBJECT_PATH_MAX 200
#define OBJECT_BUCKET   "essay-submissions" /* every path begins with it; a bucket's name where there are buckets */

/* False when it does not fit (an owner or base of a wrong shape). */
bool object_path_original(char out[OBJECT_PATH_MAX], const char *owner, const char *base, const char *mime);
bool object_path_artifacts(char out[OBJECT_PATH_MAX], const char *owner, const char *base, const char *run);

/* A relative path of plain names: letters, digits and ._- only, no name begins with a dot, none is empty. */
bool object_path_ok(const char *path);
/* Is it an original of this owner. */
bool object_path_is_original_of(const char *path, const char *owner);

const char *object_extension(const char *mime); /* "pdf", ...; "bin" for a type that is not known */
const char *object_mime(const char *path);      /* by extension; "application/octet-stream" */

bool is_uuid(const char *text);            /* 36 characters, lower-case hex and dashes in their places */
bool is_hex(const char *text, size_t len); /* exactly `len` lower-case hex digits */

#endif
