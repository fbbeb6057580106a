/* SPDX-License-Identifier: MIT
 *
 * One step of a player: `send "hello\n"`, `read to end within 1s`.
 */
#include <limits.h>
#include <string.h>

#include "lab/expect_line.h"

enum { BYTES_MAX = 1 << 30 };

static const struct {
  const char *name;
  int values;
} options[] = {
#define OPTION(name, text, values) [LAB_OPTION_##name] = {text, values},
    LAB_OPTIONS(OPTION)
#undef OPTION
};

static bool parse_set(struct lab_line *line, struct lab_step *step) {
  size_t i = 0;
  while (i < sizeof options / sizeof *options && !lab_line_take(line, options[i].name)) i++;
  if (i == sizeof options / sizeof *options)
    return lab_line_refuse(line,
                           "set %s: there is rcvbuf, sndbuf, keepalive, linger, nodelay, "
                           "user-timeout, fin-timeout, mss",
                           line->at);
  step->kind = LAB_STEP_SET;
  step->option = (enum lab_option)i;
  if (step->option == LAB_OPTION_USER_TIMEOUT || step->option == LAB_OPTION_FIN_TIMEOUT) {
    uint32_t ms;
    if (!lab_line_ms(line, &ms)) return false;
    step->values[0] = (int)ms;
    return true;
  }
  for (int n = 0; n < options[i].values; n++) {
    int64_t value;
    if (!lab_line_count(line, "a number", INT_MAX, &value)) return false;
    step->values[n] = (int)value;
  }
  return true;
}

/* `"text"` or `100000 bytes`. */
static bool parse_bytes(struct lab_line *line, struct lab_step *step, enum lab_step_kind text,
                        enum lab_step_kind count) {
  int64_t len;
  if (*line->at == '"') {
    step->kind = text;
    if (!lab_line_string(line, &step->bytes, &step->len)) return false;
    return step->len > 0 || lab_line_refuse(line, "an empty text is neither sent nor read");
  }
  step->kind = count;
  if (!lab_line_count(line, "a text in \"\", or so many bytes,", BYTES_MAX, &len)) return false;
  step->len = (size_t)len;
  if (!lab_line_take(line, "bytes") && !lab_line_take(line, "byte"))
    return lab_line_refuse(line, "\"%s\": \"bytes\" is wanted behind the number", line->source);
  return len > 0 || lab_line_refuse(line, "0 bytes are neither sent nor read");
}

static bool parse_read(struct lab_line *line, struct lab_step *step) {
  if (lab_line_take(line, "to")) {
    step->kind = LAB_STEP_READ_END;
    if (!lab_line_take(line, "end"))
      return lab_line_refuse(line, "\"%s\": \"read to end\" is wanted", line->source);
  } else if (lab_line_take(line, "reset")) {
    step->kind = LAB_STEP_READ_RESET;
  } else if (!parse_bytes(line, step, LAB_STEP_READ, LAB_STEP_READ_COUNT)) {
    return false;
  }
  return !lab_line_take(line, "within") || lab_line_ms(line, &step->ms);
}

bool lab_step_parse(struct lab_line *line, struct lab_step *step) {
  static const struct {
    const char *name;
    enum lab_step_kind kind;
  } plain[] = {{"connect", LAB_STEP_CONNECT},
               {"end", LAB_STEP_END},
               {"close", LAB_STEP_CLOSE},
               {"reset", LAB_STEP_RESET},
               {"vanish", LAB_STEP_VANISH}};
  step->line = line->number;
  step->text = line->source;
  step->ms = LAB_READ_MS;
  if (lab_line_take(line, "set")) return parse_set(line, step) && lab_line_end(line);
  if (lab_line_take(line, "send"))
    return parse_bytes(line, step, LAB_STEP_SEND, LAB_STEP_SEND_COUNT) &&
           (!lab_line_take(line, "within") || lab_line_ms(line, &step->ms)) && lab_line_end(line);
  if (lab_line_take(line, "read")) return parse_read(line, step) && lab_line_end(line);
  if (lab_line_take(line, "wait")) {
    step->kind = LAB_STEP_WAIT;
    return lab_line_ms(line, &step->ms) && lab_line_end(line);
  }
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    if (!lab_line_take(line, plain[i].name)) continue;
    step->kind = plain[i].kind;
    if (step->kind == LAB_STEP_CONNECT && lab_line_take(line, "within") &&
        !lab_line_ms(line, &step->ms))
      return false;
    return lab_line_end(line);
  }
  return lab_line_refuse(line,
                         "\"%s\" is no step: connect, set, send, read, end, close, reset, "
                         "wait, vanish",
                         line->source);
}
