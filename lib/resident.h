/* resident: what a process keeps in memory while it has nothing to do.
 *
 * A start runs through much code and many tables once: the dynamic linker's work on up to a hundred libraries (their names,
 * symbols, relocations), the opening of a database. Those pages stay resident although nobody needs them again.  resident_trim()
 * gives them back; what is needed after all comes again from the page cache, a few microseconds for sixteen pages.  Only what
 * libraries and program have for reading is given back (segments that cannot be written), which holds nothing of ours.
 * Never fails: where it cannot work it does nothing. Any thread; when everything is open. */
#ifndef SHEAF_RESIDENT_H
#define SHEAF_RESIDENT_H

void resident_trim(void);

/* Gives what free() left lying between what is in use back to the system: without it a process keeps, for good, as much as its
 * busiest moment took, and a little more with each that was laid out differently.  A few hundred µs for some MiB. Any thread. */
void resident_ease(void);

#endif
