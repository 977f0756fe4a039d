/* multipart_head: the header texts of multipart/form-data: the boundary, and what a part says of itself.
 * Pure. */
#ifndef SHEAF_GATEWAY_MULTIPART_HEAD_H
#define SHEAF_GATEWAY_MULTIPART_HEAD_H

#include "gateway/multipart.h"

struct multipart_names {
    char name[MULTIPART_NAME_MAX];
    char filename[MULTIPART_FILENAME_MAX];
    bool has_filename;
};

/* The boundary of a Content-Type. content_type may be NULL. */
int multipart_boundary(const char *content_type, char out[MULTIPART_BOUNDARY_MAX + 1], struct err *err);
/* Reads a part's header lines, each ended by CR LF.  -1: no "Content-Disposition: form-data" with a name. */
int multipart_head(const char *lines, size_t len, struct multipart_names *names);

#endif
