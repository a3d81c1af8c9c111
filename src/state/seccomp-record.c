/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "state/json-member.h"
#include "state/json-text.h"
#include "state/seccomp-record.h"

static gboolean
check_word(const char *name, const char *word, GError **error)
{
    gsize length = strlen(word);

    for (gsize i = 0; i < length; i++) {
        if (!g_ascii_isalnum(word[i]) && strchr("_-", word[i]) == NULL)
            return hf_throw(error, HF_ERROR_PROTOCOL, "%s: is no name", name);
    }
    if (length == 0 || length > HF_SECCOMP_RECORD_WORD_MAX)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%s: is %s", name,
                        length == 0 ? "empty" : "too long");
    return TRUE;
}

static gboolean
read_time(HfSeccompRecord *record, JsonObject *object, GError **error)
{
    g_autofree char *text = NULL;

    if (!hf_json_member_read_string(object, "", "time", &text, error))
        return FALSE;
    g_autoptr(GDateTime) time = text != NULL ? g_date_time_new_from_iso8601(text, NULL) : NULL;
    if (time == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "time: is missing, or none");
    record->time_us =
        g_date_time_to_unix(time) * G_USEC_PER_SEC + g_date_time_get_microsecond(time);
    return TRUE;
}

static gboolean
read_record(HfSeccompRecord *record, JsonObject *object, GError **error)
{
    if (!read_time(record, object, error) ||
        !hf_json_member_read_string(object, "", "syscall", &record->syscall, error) ||
        !hf_json_member_read_string(object, "", "action", &record->action, error) ||
        !hf_json_member_read_uint32(object, "", "pid", &record->pid, error) ||
        !hf_json_member_read_uint32(object, "", "count", &record->count, error))
        return FALSE;
    if (record->syscall == NULL || record->count == 0)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%s: is missing",
                        record->syscall == NULL ? "syscall" : "count");
    return (strcmp(record->syscall, "*") == 0 || check_word("syscall", record->syscall, error)) &&
           (record->action == NULL || check_word("action", record->action, error));
}

gboolean
hf_seccomp_record_parse(const char *line, gsize length, HfSeccompRecord *out_record, GError **error)
{
    g_auto(HfSeccompRecord) record = {0};
    g_autoptr(JsonObject) object = hf_json_text_parse(line, length, error);

    if (object == NULL || !read_record(&record, object, error))
        return FALSE;
    *out_record = record;
    memset(&record, 0, sizeof record);
    return TRUE;
}

void
hf_seccomp_record_clear(HfSeccompRecord *record)
{
    g_clear_pointer(&record->syscall, g_free);
    g_clear_pointer(&record->action, g_free);
}
