/* SPDX-License-Identifier: MIT
 *
 * Text from anywhere, character by character.
 */
#ifndef LAB_GLYPH_H
#define LAB_GLYPH_H

#include <stddef.h>

/* How many bytes the first character takes, and how many columns of a terminal; 0: it is not one of
 * UTF-8, or not to be printed. The text must not be empty. */
size_t lab_glyph(const char *text, unsigned *width);

#endif
