/* form_rule: one function per rule of a form field, behind form_normalise().
 *
 * Each takes a squashed, non-empty text and returns the value in its normal form (the caller frees), or NULL
 * with *err: ERR_INPUT and a text for the user, or ERR_NOMEM.  Only lib/form*.c include this.  Pure; any
 * thread.
 */
#ifndef SHEAF_FORM_RULE_H
#define SHEAF_FORM_RULE_H

#include "lib/err.h"

char *form_grade(const char *text, struct err *err);
char *form_phone(const char *text, struct err *err);
char *form_email(const char *text, struct err *err);

#endif
