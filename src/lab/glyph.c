/* SPDX-License-Identifier: MIT */
#include "lab/glyph.h"

size_t lab_glyph(const char *text, unsigned *width) {
  const unsigned char *c = (const unsigned char *)text;
  size_t len = c[0] < 0x80 ? 1 : c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : c[0] >= 0xc2 ? 2 : 0;
  unsigned code = len == 1 ? c[0] : c[0] & (0xffU >> (len + 1));
  if (len == 0 || c[0] > 0xf4 || c[0] < 0x20 || c[0] == 0x7f) return 0;
  for (size_t i = 1; i < len; i++) {
    if ((c[i] & 0xc0) != 0x80) return 0;
    code = code << 6 | (c[i] & 0x3fU);
  }
  if (code >= 0x80 && code < 0xa0) return 0;
  *width = (code >= 0x1100 && code < 0x1160) || (code >= 0x2e80 && code < 0xa4d0) ||
                   (code >= 0xac00 && code < 0xd7a4) || (code >= 0xf900 && code < 0xfb00) ||
                   (code >= 0xfe30 && code < 0xfe70) || (code >= 0xff00 && code < 0xff61) ||
                   code >= 0x1f300
               ? 2
               : 1;
  return len;
}
