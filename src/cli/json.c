/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cli/json.h"
#include "cli/text.h"

static void
add_text(JsonBuilder *builder, const char *value)
{
    g_autofree char *text = value != NULL ? g_utf8_make_valid(value, -1) : NULL;

    if (text == NULL)
        json_builder_add_null_value(builder);
    else
        json_builder_add_string_value(builder, text);
}

void
hf_json_add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    add_text(builder, value);
}

void
hf_json_add_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
hf_json_add_bool(JsonBuilder *builder, const char *name, gboolean value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void
hf_json_add_strings(JsonBuilder *builder, const char *name, const char *const *values)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (gsize i = 0; values != NULL && values[i] != NULL; i++)
        add_text(builder, values[i]);
    json_builder_end_array(builder);
}

void
hf_json_add_time(JsonBuilder *builder, const char *name, GDateTime *time)
{
    g_autofree char *text = time != NULL ? g_date_time_format_iso8601(time) : NULL;

    hf_json_add_string(builder, name, text);
}

void
hf_json_add_labels(JsonBuilder *builder, const char *name, const char *const *labels)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_object(builder);
    for (gsize i = 0; labels[i] != NULL; i++) {
        const char *equals = strchr(labels[i], '=');
        g_autofree char *key =
            equals != NULL ? g_strndup(labels[i], (gsize)(equals - labels[i])) : NULL;
        g_autofree char *valid = g_utf8_make_valid(key != NULL ? key : labels[i], -1);

        hf_json_add_string(builder, valid, equals != NULL ? equals + 1 : "");
    }
    json_builder_end_object(builder);
}

void
hf_json_add_raw(JsonBuilder *builder, const char *name, const char *text)
{
    JsonNode *node = text != NULL ? json_from_string(text, NULL) : NULL;

    json_builder_set_member_name(builder, name);
    if (node == NULL)
        json_builder_add_null_value(builder);
    else
        json_builder_add_value(builder, node);
}

char *
hf_json_to_text(JsonBuilder *builder, gboolean is_indented)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, is_indented);

    return hf_text_escape_json(text);
}

void
hf_json_print(JsonBuilder *builder)
{
    g_autofree char *text = hf_json_to_text(builder, TRUE);

    g_print("%s\n", text);
}
