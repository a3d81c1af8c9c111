/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdlib.h>
#include <string.h>

#include "fake-runtime.h"

struct FakeScript {
    GHashTable *general;  /* lines for create, restore and exec */
    GHashTable *specific; /* lines that name the action */
};

static void
add_line(GHashTable *table, const char *line)
{
    size_t key_length = strcspn(line, " \t");
    const char *value = line + key_length + strspn(line + key_length, " \t");
    char *key = g_strndup(line, key_length);
    const char *old = g_hash_table_lookup(table, key);

    g_hash_table_replace(table, key,
                         old == NULL ? g_strdup(value) : g_strconcat(old, "\n", value, NULL));
}

static void
parse_line(FakeScript *self, const char *line, const char *action)
{
    size_t word_length;

    line += strspn(line, " \t");
    word_length = strcspn(line, " \t");
    if (word_length == 0 || line[0] == '#')
        return;
    if (line[word_length - 1] != ':') {
        add_line(self->general, line);
        return;
    }
    if (strlen(action) != word_length - 1 || strncmp(line, action, word_length - 1) != 0)
        return;
    line += word_length;
    add_line(self->specific, line + strspn(line, " \t"));
}

static bool
read_file(char *take_path, char **out_text)
{
    bool is_read = take_path != NULL && g_file_get_contents(take_path, out_text, NULL, NULL);

    g_free(take_path);
    return is_read;
}

static char *
read_script(const FakeRequest *request)
{
    const char *named = g_getenv("FAKE_RUNTIME_SCRIPT");
    g_autofree char *known_bundle = request->bundle == NULL ? fake_state_bundle(request) : NULL;
    const char *bundle = request->bundle == NULL ? known_bundle : request->bundle;
    char *text = NULL;

    if (named != NULL) {
        if (!read_file(g_strdup(named), &text))
            fake_die("fake-runtime: no script '%s'", named);
        return text;
    }
    if (request->process_spec != NULL &&
        read_file(g_strconcat(request->process_spec, ".script", NULL), &text))
        return text;
    if (bundle != NULL && read_file(g_strconcat(bundle, "/fake-runtime.script", NULL), &text))
        return text;
    return g_strdup("");
}

FakeScript *
fake_script_load(const FakeRequest *request)
{
    FakeScript *self = g_new0(FakeScript, 1);
    g_autofree char *text = read_script(request);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    static const char *const all[] = {"create", "restore", "exec", NULL};

    self->general = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->specific = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (char **line = lines; *line != NULL; line++)
        parse_line(self, *line, request->action);
    if (!g_strv_contains(all, request->action))
        g_hash_table_remove_all(self->general);
    return self;
}

const char *
fake_script_get(const FakeScript *self, const char *key)
{
    const char *value = g_hash_table_lookup(self->specific, key);

    return value != NULL ? value : g_hash_table_lookup(self->general, key);
}

bool
fake_script_says(const FakeScript *self, const char *key, const char *value)
{
    return g_strcmp0(fake_script_get(self, key), value) == 0;
}

int
fake_script_get_number(const FakeScript *self, const char *key, int fallback)
{
    const char *value = fake_script_get(self, key);

    return value == NULL ? fallback : atoi(value);
}

void
fake_script_delay(const FakeScript *self, const char *key)
{
    g_usleep((gulong)fake_script_get_number(self, key, 0) * 1000);
}
