/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "attach/detach-keys.h"
#include "base/error.h"
#include "test-kit.h"

typedef struct {
    HfDetachKeys keys;
    GString *sent;
} Fixture;

static void
set_up(Fixture *self, const char *text)
{
    g_autoptr(GError) error = NULL;

    self->sent = g_string_new(NULL);
    g_assert_true(hf_detach_keys_parse(text, &self->keys, &error));
    g_assert_no_error(error);
}

static void
tear_down(Fixture *self)
{
    g_string_free(self->sent, TRUE);
}

static bool
type_in(Fixture *self, const char *bytes, size_t length)
{
    g_autofree char *out = g_malloc(length + HF_DETACH_KEYS_MAX);
    size_t out_length = 0;
    bool is_detached = hf_detach_keys_filter(&self->keys, bytes, length, out, &out_length);

    g_assert_cmpuint(out_length, <=, length + HF_DETACH_KEYS_MAX);
    g_string_append_len(self->sent, out, (gssize)out_length);
    return is_detached;
}

static bool
type_text(Fixture *self, const char *text)
{
    return type_in(self, text, strlen(text));
}

static void
test_keys_of_podman_are_taken(void)
{
    static const struct {
        const char *text;
        const char *keys;
        size_t length;
    } cases[] = {
        {"ctrl-p,ctrl-q", "\020\021", 2},
        {HF_DETACH_KEYS_DEFAULT, "\020\021", 2},
        {"a", "a", 1},
        {"Z", "Z", 1},
        {"0,-", "0-", 2},
        {"ctrl-a,ctrl-z", "\001\032", 2},
        {"ctrl-@", "\000", 1},
        {"ctrl-[", "\033", 1},
        {"ctrl-\\", "\034", 1},
        {"ctrl-]", "\035", 1},
        {"ctrl-^", "\036", 1},
        {"ctrl-_", "\037", 1},
        {"DEL,x", "\177x", 2},
        {"", "", 0},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfDetachKeys keys;

        g_assert_true(hf_detach_keys_parse(cases[i].text, &keys, &error));
        g_assert_no_error(error);
        g_assert_cmpmem(keys.keys, (int)keys.length, cases[i].keys, (int)cases[i].length);
    }
}

static void
test_what_is_no_key_is_refused(void)
{
    static const char *const cases[] = {
        ",",  "a,",  ",a",   "a,,b", "ctrl-",  "ctrl-P", "ctrl-1",  "ctrl-pq", "Ctrl-p", "ctrlp",
        "ab", "del", "\xc3", "é",    "ctrl-,", "a, b",   "ctrl-p;", "ctrl- ",  "ctrl-?", "a,b,long",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        HfDetachKeys keys = {.length = 7};

        g_assert_false(hf_detach_keys_parse(cases[i], &keys, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        g_assert_cmpuint(keys.length, ==, 7);
    }
}

static void
test_more_keys_than_there_is_room_for_are_refused(void)
{
    g_autoptr(GString) text = g_string_new("x");
    g_autoptr(GError) error = NULL;
    HfDetachKeys keys;

    for (int i = 1; i < HF_DETACH_KEYS_MAX; i++)
        g_string_append(text, ",x");
    g_assert_true(hf_detach_keys_parse(text->str, &keys, &error));
    g_assert_cmpuint(keys.length, ==, HF_DETACH_KEYS_MAX);
    g_string_append(text, ",x");

    g_assert_false(hf_detach_keys_parse(text->str, &keys, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_without_keys_everything_is_sent(void)
{
    Fixture fixture;

    set_up(&fixture, "");

    g_assert_false(type_in(&fixture, "a\020\021\0b", 5));

    g_assert_cmpmem(fixture.sent->str, (int)fixture.sent->len, "a\020\021\0b", 5);
    tear_down(&fixture);
}

static void
test_keys_within_one_read_are_found(void)
{
    Fixture fixture;

    set_up(&fixture, HF_DETACH_KEYS_DEFAULT);

    g_assert_true(type_text(&fixture, "before\020\021after"));

    g_assert_cmpstr(fixture.sent->str, ==, "before");
    tear_down(&fixture);
}

static void
test_keys_in_reads_of_their_own_are_found(void)
{
    Fixture fixture;

    set_up(&fixture, HF_DETACH_KEYS_DEFAULT);

    g_assert_false(type_text(&fixture, "\020"));
    g_assert_cmpuint(fixture.sent->len, ==, 0);

    g_assert_true(type_text(&fixture, "\021"));
    g_assert_cmpuint(fixture.sent->len, ==, 0);
    tear_down(&fixture);
}

static void
test_keys_of_a_broken_match_are_sent(void)
{
    Fixture fixture;

    set_up(&fixture, HF_DETACH_KEYS_DEFAULT);
    g_assert_false(type_text(&fixture, "\020"));

    g_assert_false(type_text(&fixture, "x"));

    g_assert_cmpstr(fixture.sent->str, ==, "\020x");
    tear_down(&fixture);
}

static void
test_first_key_twice_begins_a_new_match(void)
{
    Fixture fixture;

    set_up(&fixture, HF_DETACH_KEYS_DEFAULT);

    g_assert_true(type_text(&fixture, "\020\020\021"));

    g_assert_cmpstr(fixture.sent->str, ==, "\020");
    tear_down(&fixture);
}

static void
test_match_that_begins_within_another_is_found(void)
{
    static const struct {
        const char *keys;
        const char *typed;
        const char *sent;
    } cases[] = {
        {"a,a,b", "aaab", "a"},         {"a,a,b", "aaaaaab", "aaaa"}, {"a,b,a,c", "ababac", "ab"},
        {"a,b,a,b,c", "abababc", "ab"}, {"a,b,c", "ababc", "ab"},     {"a,a,a", "aabaaa", "aab"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Fixture fixture;

        set_up(&fixture, cases[i].keys);

        g_assert_true(type_text(&fixture, cases[i].typed));

        g_assert_cmpstr(fixture.sent->str, ==, cases[i].sent);
        tear_down(&fixture);
    }
}

static void
test_held_keys_are_let_go_at_the_end(void)
{
    char held[HF_DETACH_KEYS_MAX];
    Fixture fixture;

    set_up(&fixture, "a,b,c");
    g_assert_false(type_text(&fixture, "xab"));

    g_assert_cmpuint(hf_detach_keys_release(&fixture.keys, held), ==, 2);

    g_assert_cmpmem(held, 2, "ab", 2);
    g_assert_cmpstr(fixture.sent->str, ==, "x");
    g_assert_cmpuint(hf_detach_keys_release(&fixture.keys, held), ==, 0);
    tear_down(&fixture);
}

/* What the filter does, told by a search in the whole text. */
static void
test_random_typing_is_sent_up_to_the_keys(void)
{
    for (int round = 0; round < 2000; round++) {
        g_autofree char *typed = g_malloc0(41);
        char held[HF_DETACH_KEYS_MAX];
        bool is_detached = false;
        const char *found;
        Fixture fixture;

        set_up(&fixture, round % 2 == 0 ? "a,b,a" : "a,a,b,a");
        for (int i = 0; i < 40; i++)
            typed[i] = (char)('a' + g_test_rand_int_range(0, 2));
        found = strstr(typed, round % 2 == 0 ? "aba" : "aaba");

        for (int i = 0; i < 40 && !is_detached;) {
            int length = g_test_rand_int_range(1, 41 - i);

            is_detached = type_in(&fixture, typed + i, (size_t)length);
            i += length;
        }

        g_assert_cmpint(is_detached, ==, found != NULL);
        if (found == NULL)
            g_string_append_len(fixture.sent, held,
                                (gssize)hf_detach_keys_release(&fixture.keys, held));
        g_assert_cmpmem(fixture.sent->str, (int)fixture.sent->len, typed,
                        (int)(found != NULL ? (size_t)(found - typed) : 40));
        tear_down(&fixture);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/attach/detach-keys/keys-of-podman-are-taken", test_keys_of_podman_are_taken);
    hf_test_add("/attach/detach-keys/what-is-no-key-is-refused", test_what_is_no_key_is_refused);
    hf_test_add("/attach/detach-keys/more-keys-than-there-is-room-for-are-refused",
                test_more_keys_than_there_is_room_for_are_refused);
    hf_test_add("/attach/detach-keys/without-keys-everything-is-sent",
                test_without_keys_everything_is_sent);
    hf_test_add("/attach/detach-keys/keys-within-one-read-are-found",
                test_keys_within_one_read_are_found);
    hf_test_add("/attach/detach-keys/keys-in-reads-of-their-own-are-found",
                test_keys_in_reads_of_their_own_are_found);
    hf_test_add("/attach/detach-keys/keys-of-a-broken-match-are-sent",
                test_keys_of_a_broken_match_are_sent);
    hf_test_add("/attach/detach-keys/first-key-twice-begins-a-new-match",
                test_first_key_twice_begins_a_new_match);
    hf_test_add("/attach/detach-keys/match-that-begins-within-another-is-found",
                test_match_that_begins_within_another_is_found);
    hf_test_add("/attach/detach-keys/held-keys-are-let-go-at-the-end",
                test_held_keys_are_let_go_at_the_end);
    hf_test_add("/attach/detach-keys/random-typing-is-sent-up-to-the-keys",
                test_random_typing_is_sent_up_to_the_keys);
    return g_test_run();
}
