/* exif: which way up a camera held the picture. Pure: bytes in, number out. */
#ifndef SHEAF_OCR_SVC_EXIF_H
#define SHEAF_OCR_SVC_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The Orientation tag (1 to 8, TIFF 6.0 tag 274) of a JPEG's first bytes; 1 when there is none or it makes no
 * sense.  Any bytes are fine. */
int exif_orientation(const uint8_t *jpeg, size_t len);

#define EXIF_HEAD 65536 /* the segment that holds it is the first or second and at most this long */

#endif
