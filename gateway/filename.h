/* filename: a client's file name made harmless, still as a person knows it. Pure.
 *
 * Folders are cut off (whatever the client's separator), control characters and bytes that are not UTF-8
 * become U+FFFD, at most FILENAME_BYTES bytes remain (cut between characters, the extension kept).  Quotes,
 * spaces and emoji stay.  It is shown and stored, never used as a path. */
#ifndef SHEAF_GATEWAY_FILENAME_H
#define SHEAF_GATEWAY_FILENAME_H

#define FILENAME_BYTES 200

void filename_clean(const char *raw, char out[FILENAME_BYTES + 1]); /* "document" when nothing is left */

#endif
