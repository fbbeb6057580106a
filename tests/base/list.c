/* SPDX-License-Identifier: MIT
 *
 * src/base/list.h
 */
#include "base/list.h"

#include "laws.h"

struct element {
  char name;
  struct fin_link link;
};

/* The names in the list, in order; both directions must agree. */
static const char *names(const struct fin_link *list) {
  static char text[32];
  size_t len = 0;
  for (struct fin_link *link = list->next; link != list; link = link->next) {
    MUST(link->prev->next == link && link->next->prev == link, "links disagree");
    MUST(len + 1 < sizeof text, "the list has no end");
    text[len++] = fin_container(link, struct element, link)->name;
  }
  text[len] = 0;
  return text;
}

static void fill(struct fin_link *list, struct element *elements, const char *text) {
  fin_list_init(list);
  for (size_t i = 0; text[i]; i++) {
    elements[i].name = text[i];
    fin_list_append(list, &elements[i].link);
  }
}

Test(list, an_initialised_one_is_empty) {
  struct fin_link list;
  fin_list_init(&list);
  cr_assert(fin_list_empty(&list));
  cr_assert_str_eq(names(&list), "");
}

Test(list, append_keeps_the_order) {
  struct fin_link list;
  struct element elements[3];
  fill(&list, elements, "abc");
  cr_assert_not(fin_list_empty(&list));
  cr_assert_str_eq(names(&list), "abc");
}

Test(list, append_before_an_element_inserts_there) {
  struct fin_link list;
  struct element elements[2], front = {.name = 'x'};
  fill(&list, elements, "ab");
  fin_list_append(list.next, &front.link);
  cr_assert_str_eq(names(&list), "xab");
}

Test(list, remove_takes_any_element_and_may_be_repeated) {
  const char *left[] = {"bcd", "acd", "abd", "abc"};
  for (size_t i = 0; i < 4; i++) {
    struct fin_link list;
    struct element elements[4];
    fill(&list, elements, "abcd");
    fin_list_remove(&elements[i].link);
    fin_list_remove(&elements[i].link);
    cr_assert_str_eq(names(&list), left[i]);
    cr_assert(fin_list_empty(&elements[i].link), "a removed element points at itself");
  }
}

Test(list, splice_moves_all_behind) {
  const struct {
    const char *to, *from, *both;
  } cases[] = {
      {"ab", "cd", "abcd"}, {"", "cd", "cd"}, {"ab", "", "ab"}, {"", "", ""}, {"a", "b", "ab"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct fin_link to, from;
    struct element in_to[2], in_from[2];
    fill(&to, in_to, cases[i].to);
    fill(&from, in_from, cases[i].from);
    fin_list_splice(&to, &from);
    cr_assert_str_eq(names(&to), cases[i].both);
    cr_assert(fin_list_empty(&from));
  }
}
