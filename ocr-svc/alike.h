/* alike: what a reading of handwriting may stand for, too: letters that look like another when a hand joins them.  Pure; any thread. */
#ifndef SHEAF_OCR_SVC_ALIKE_H
#define SHEAF_OCR_SVC_ALIKE_H

#include <stdbool.h>

#define ALIKE_BYTES 256 /* a longer reading is left as it is */

/* The text with a w wherever letters within its words look like one ("Buttonulood", "Pembervihistle"); false: nowhere, or it holds an address.
 * Nothing says that this is what was written: the caller weighs it. */
bool alike(const char *text, char out[ALIKE_BYTES]);

#endif
