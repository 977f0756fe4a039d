/* exif: which way up a camera held the picture. Pure: bytes in, number out. */
#ifndef SHEAF_OCR_SVC_EXIF_H
#define SHEAF_OCR_SVC_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The Orientation tag (1 to 8, TIFF 6.0 tag 274) of a JPEG, PNG or WebP file; 1 when there is none or it makes no sense.  Any
 * bytes are fine, cut anywhere; few of them are looked at. */
int exif_orientation(const uint8_t *file, size_t len);

#endif
