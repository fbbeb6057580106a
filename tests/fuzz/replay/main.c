/* SPDX-License-Identifier: MIT
 *
 * Stands in for libFuzzer where there is none: runs each file of the directories given through the
 * target once, in the order of their names.
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void replay(const char *directory, const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", directory, name);
  FILE *file = fopen(path, "rb");
  if (!file || fseek(file, 0, SEEK_END) != 0) perror(path), exit(1);
  size_t size = (size_t)ftell(file);
  rewind(file);
  /* Exactly as long as the input, so that the sanitizer sees the first byte behind it. */
  uint8_t *data = malloc(size > 0 ? size : 1);
  if (!data || fread(data, 1, size, file) != size) perror(path), exit(1);
  fclose(file);
  fprintf(stderr, "%s\n", path); /* the last one is the culprit */
  LLVMFuzzerTestOneInput(data, size);
  free(data);
}

int main(int argc, char **argv) {
  int inputs = 0;
  for (int i = 1; i < argc; i++) {
    struct dirent **entries;
    int count = scandir(argv[i], &entries, visible, alphasort);
    if (count < 0) return perror(argv[i]), 1;
    for (int e = 0; e < count; e++) {
      replay(argv[i], entries[e]->d_name);
      free(entries[e]);
    }
    free(entries);
    inputs += count;
  }
  printf("%d inputs\n", inputs);
  return inputs == 0;
}
