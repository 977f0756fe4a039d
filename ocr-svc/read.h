/* read: `ocr-svc --read FILE [PAGE]`, a document read from the command line without the rest of Sheaf. */
#ifndef SHEAF_OCR_SVC_READ_H
#define SHEAF_OCR_SVC_READ_H

#define READ_ARG "--read"

/* Prints one line of JSON a page (proto/STAGES.md, "A page"), as `page` would put it out; what went wrong
 * goes to standard error. Returns the exit code: 0 read, 1 refused, 2 usage, 111 the system's fault. */
int read_main(int argc, char **argv);

#endif
