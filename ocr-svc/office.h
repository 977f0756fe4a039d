/* office: Word documents (DOC, DOCX) made PDFs by LibreOffice, where it is installed.
 *
 * LibreOffice reads what strangers made, so it runs as the decoding child does: no network, no macros, no fetching of what
 * a document links to, limits on memory and time, and a profile of its own that is thrown away.  A keeper stands between
 * (office_child.c, our own binary started again): it holds the folder that all this happens in, ends everything that was
 * started, and removes the folder, also when the service dies.  What is left when both were killed is removed
 * by the next office_start().
 */
#ifndef SHEAF_OCR_SVC_OFFICE_H
#define SHEAF_OCR_SVC_OFFICE_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include "lib/err.h"
#include "lib/settings.h"
#include "ocr-svc/ocr.h"

/* ---- what a document is: pure --------------------------------------------------------------------- */

enum office_kind {
    OFFICE_NONE,   /* neither of the two containers: a PDF, a picture */
    OFFICE_DOC,
    OFFICE_DOCX,
    OFFICE_LOCKED, /* protected with a password */
    OFFICE_OTHER   /* such a container with something else in it: a table, slides, an archive */
};
enum office_kind office_judge(const void *data, size_t len);

/* ---- the service's side --------------------------------------------------------------------------- */

struct office {
    char program[PATH_MAX]; /* "": there is no LibreOffice */
    char folder[PATH_MAX];  /* each conversion makes a folder in it; itself it is made by the first one */
    int64_t data_bytes;     /* that its largest process may allocate */
    int cpu_seconds;        /* for one document */
    int64_t wall_ms;
};

/* Finds LibreOffice and the folder, and removes what dead predecessors left there.  ERR_CONFIG when SHEAF_OFFICE names a
 * program that is not there. */
int office_start(struct office *office, const struct settings *settings, struct err *err);

/* The document behind `fd` (borrowed) as a PDF: *pdf is the caller's descriptor, at its beginning; -1 when the document
 * is no Word document and is to be read as it is.  Any thread; blocks until wait->deadline_ms at most.  Failures:
 *   ERR_INPUT        unsupported_type (no LibreOffice here: the text says so; or not Word), encrypted, damaged
 *   ERR_LIMIT        timeout: it used up its processor time
 *   ERR_TIMEOUT      code timeout: by the document's fault or a busy machine's
 *   ERR_UNAVAILABLE  no process, no room on the disk
 *   ERR_CANCELLED */
int office_to_pdf(const struct office *office, int fd, const struct ocr_wait *wait, int *pdf, struct err *err);

/* ---- the keeper: what both sides know -------------------------------------------------------------- */

#define OFFICE_CHILD "--office-child" /* its argv[1]; then program, folder, "doc" or "docx", bytes, seconds, ms */
#define OFFICE_FD_DOCUMENT 3
#define OFFICE_FD_PDF      4 /* an empty memfd that takes the PDF */
#define OFFICE_FD_LIFE     5 /* a pipe's reading end: at its end nobody waits for the result any more */
#define OFFICE_PDF_MAX     (64 * 1024 * 1024)

enum office_end { /* its exit code */
    OFFICE_MADE,
    OFFICE_UNREADABLE, /* no PDF came out: it refused, crashed, or wrote something else */
    OFFICE_TOO_SLOW,   /* out of processor time */
    OFFICE_TIMED_OUT,
    OFFICE_NO_ROOM,
    OFFICE_ENDS
};

/* The keeper's whole life; main() calls it when argv[1] is OFFICE_CHILD. Returns the exit code. */
int office_child_main(int argc, char **argv);

/* Removes the folders in `root` that no living keeper holds. */
void office_sweep(const char *root);

#endif
