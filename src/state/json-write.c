/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "state/json-text.h"
#include "state/json-write.h"

void
hf_json_write_name(GString *json, const char *name)
{
    if (json->len > 0 && json->str[json->len - 1] != '{')
        g_string_append_c(json, ',');
    hf_json_text_append_string(json, name);
    g_string_append_c(json, ':');
}

void
hf_json_write_string(GString *json, const char *name, const char *value)
{
    hf_json_write_name(json, name);
    hf_json_text_append_string(json, value);
}

void
hf_json_write_bool(GString *json, const char *name, bool value)
{
    hf_json_write_name(json, name);
    g_string_append(json, value ? "true" : "false");
}

void
hf_json_write_uint(GString *json, const char *name, guint64 value)
{
    hf_json_write_name(json, name);
    g_string_append_printf(json, "%" G_GUINT64_FORMAT, value);
}

void
hf_json_write_strings(GString *json, const char *name, char *const *values)
{
    hf_json_write_name(json, name);
    if (values[0] == NULL) {
        g_string_append(json, "null");
        return;
    }
    for (gsize i = 0; values[i] != NULL; i++) {
        g_string_append_c(json, i == 0 ? '[' : ',');
        hf_json_text_append_string(json, values[i]);
    }
    g_string_append_c(json, ']');
}
