/* SPDX-License-Identifier: MIT
 *
 * Lines of JSON that can be read back, one for each event, in order.
 */
#include "lab/jsonl.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lab/tale.h"

static char *print(const struct lab_story *story, const struct lab_judgement *judgement,
                   const struct lab_diagnosis *diagnosis) {
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  cr_assert_not_null(out);
  cr_assert(lab_jsonl_print(out, story, judgement, diagnosis));
  fclose(out);
  return text;
}

static json_t *next(char **text) {
  json_error_t error;
  char *line = strsep(text, "\n");
  json_t *object = json_loads(line, 0, &error);
  cr_assert_not_null(object, "%s: %s", error.text, line);
  return object;
}

static const char *text_of(json_t *object, const char *key) {
  const char *text = json_string_value(json_object_get(object, key));
  return text != NULL ? text : "";
}

static const char *kind_of(const struct lab_event *event) {
  static const char *const kinds[] = {
      [LAB_SEGMENT] = "segment", [LAB_STATE] = "state", [LAB_CALL] = "call",
      [LAB_COUNT] = "count",     [LAB_SAID] = "step",   [LAB_POINT] = "point"};
  return kinds[event->kind];
}

Test(jsonl, tells_every_event_in_order) {
  struct tale tale;
  double before = -1;
  tale_eof_ignored(&tale);
  char *text = print(&tale.story, NULL, NULL), *rest = text;
  for (size_t i = 0; i < tale.story.count; i++) {
    const struct lab_event *event = &tale.story.events[i];
    json_t *object = next(&rest);
    const double at = json_number_value(json_object_get(object, "at"));
    cr_expect_str_eq(text_of(object, "kind"), kind_of(event));
    cr_expect_float_eq(at, (double)(event->at_ns - tale.story.began_ns) / 1e9, 1e-6);
    cr_expect_geq(at, before);
    before = at;
    if (event->kind == LAB_STATE && event->state.to == FIN_TCP_CLOSE_WAIT) {
      cr_expect_str_eq(text_of(object, "from"), "ESTAB");
      cr_expect_str_eq(text_of(object, "to"), "CLOSE-WAIT");
      cr_expect_str_eq(text_of(object, "side"), "server");
      cr_expect_str_eq(text_of(object, "source"), "sampled");
      cr_expect_str_eq(text_of(object, "holder"), "owned");
      cr_expect_str_eq(text_of(object, "owner"), "broken");
      cr_expect_eq(json_integer_value(json_object_get(object, "fd")), 9);
      cr_expect_eq(json_integer_value(json_object_get(object, "recv_queue")), 0);
    }
    if (event->kind == LAB_SEGMENT && event->segment.flags == 3)
      cr_expect_eq(json_array_size(json_object_get(object, "flags")), 2);
    json_decref(object);
  }
  json_t *end = next(&rest);
  cr_expect_str_eq(text_of(end, "kind"), "end");
  cr_expect(json_is_true(json_object_get(end, "wire")));
  cr_expect_str_empty(rest);
  json_decref(end);
  free(text);
  tale_release(&tale);
}

Test(jsonl, ends_with_verdicts_and_causes) {
  struct tale tale;
  struct lab_judgement judgement;
  struct lab_evidence evidence;
  struct lab_diagnosis diagnosis;
  tale_eof_ignored(&tale);
  tale_counter(&tale, LAB_SERVER, "TCPKeepAlive", 4);
  tale_expect(&tale, "client:\n  connect\nbroken:\n  gone server\n  descriptors +1\n");
  cr_assert(lab_judge(&tale.story, &tale.expect, &tale.expect.broken, &judgement));
  cr_assert(lab_evidence_read(&tale.story, LAB_SERVER, &evidence));
  lab_diagnose(&evidence, &diagnosis);
  char *text = print(&tale.story, &judgement, &diagnosis), *rest = text;
  for (size_t i = 0; i < tale.story.count; i++) json_decref(next(&rest));
  json_t *end = next(&rest), *claims = json_object_get(end, "claims");
  cr_assert_eq(json_array_size(claims), 2);
  cr_expect_str_eq(text_of(json_array_get(claims, 0), "verdict"), "fails");
  cr_expect_str_eq(text_of(json_array_get(claims, 1), "claim"), "descriptors +1");
  cr_expect_str_eq(text_of(json_array_get(claims, 1), "verdict"), "holds");
  cr_expect_str_eq(text_of(json_array_get(json_object_get(end, "causes"), 0), "cause"),
                   "eof-ignored");
  cr_expect_eq(json_integer_value(json_object_get(
                   json_object_get(json_object_get(end, "counters"), "server"), "TCPKeepAlive")),
               4);
  json_decref(end);
  free(text);
  lab_judgement_release(&judgement);
  lab_evidence_release(&evidence);
  tale_release(&tale);
}

Test(jsonl, any_bytes_become_json) {
  struct tale tale;
  tale_begin(&tale, 100);
  tale_said(&tale, 10, 1, "send \"\xff\xfe\x01 \\ \"\"");
  tale_point(&tale, 20, LAB_FAILED, "broken\n\"pipe\" \xc3");
  char *text = print(&tale.story, NULL, NULL), *rest = text;
  for (unsigned i = 0; i < 3; i++) json_decref(next(&rest));
  free(text);
  tale_release(&tale);
}
