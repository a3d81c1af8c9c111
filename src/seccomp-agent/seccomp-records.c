/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * A record waits for a second after the first of its batch, and counts the calls that are equal to
 * its own: same thread, call, arguments and answer. A container decides how many different calls
 * there are, so the batch has bounds:
 *
 *      exact    the first EXACT_MAX different calls
 *      by name  what comes after them, without pid and arguments, for NAMES_MAX names
 *      others   what comes after those: one record with the name "*"
 *
 * A flood therefore makes EXACT_MAX + NAMES_MAX + 1 records a second at most, and each call is
 * counted in one of them. The timer exists only while something waits. */

#include <string.h>

#include "base/clock.h"
#include "base/source.h"
#include "seccomp-agent/seccomp-records.h"
#include "state/json-write.h"

#define EXACT_MAX 256
#define NAMES_MAX 1024
#define BATCH_MS 1000

/* Compared by its bytes: made by make_key() only. */
typedef struct {
    HfSeccompCall call;
    gint32 action;
    gint32 errnum;
    gint32 is_exact;
    gint32 unused;
} Key;

typedef struct {
    Key key;
    char *name;
    char *arch;
    struct timespec first;
    guint64 count;
} Record;

struct HfSeccompRecords {
    GMainContext *context;
    HfRecordFile *file; /* borrowed */
    char *container_id;
    GHashTable *batch; /* Key -> Record, which has it */
    GPtrArray *order;  /* of Record */
    guint exact_count;
    GSource *timer;
    HfSeccompRecordsFailed on_failed;
    gpointer user_data;
};

static guint
hash_key(gconstpointer data)
{
    const unsigned char *bytes = data;
    guint hash = 5381;

    for (size_t i = 0; i < sizeof(Key); i++)
        hash = hash * 33 + bytes[i];
    return hash;
}

static gboolean
are_keys_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(Key)) == 0;
}

static void
record_free(Record *self)
{
    g_free(self->name);
    g_free(self->arch);
    g_free(self);
}

HfSeccompRecords *
hf_seccomp_records_new(GMainContext *context, HfRecordFile *file, const char *container_id,
                       HfSeccompRecordsFailed on_failed, gpointer user_data)
{
    HfSeccompRecords *self = g_new0(HfSeccompRecords, 1);

    self->context = context;
    self->file = file;
    self->container_id = g_strdup(container_id);
    self->on_failed = on_failed;
    self->user_data = user_data;
    self->batch = g_hash_table_new(hash_key, are_keys_equal);
    self->order = g_ptr_array_new_with_free_func((GDestroyNotify)record_free);
    return self;
}

void
hf_seccomp_records_free(HfSeccompRecords *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->timer);
    g_hash_table_unref(self->batch);
    g_ptr_array_unref(self->order);
    g_free(self->container_id);
    g_free(self);
}

static void
make_key(Key *key, const HfSeccompCall *call, const HfSeccompVerdict *verdict)
{
    memset(key, 0, sizeof *key);
    key->call = *call;
    key->action = (gint32)verdict->action;
    key->errnum = verdict->action == HF_SECCOMP_ERRNO || verdict->action == HF_SECCOMP_LIMITED
                      ? verdict->errnum
                      : 0;
    key->is_exact = TRUE;
}

/* What is left of @key where there are too many different ones. */
static void
forget_details(Key *key, bool forgets_name)
{
    guint32 arch = key->call.arch;
    int number = key->call.number;

    memset(&key->call, 0, sizeof key->call);
    key->is_exact = FALSE;
    key->call.arch = forgets_name ? 0 : arch;
    key->call.number = forgets_name ? -1 : number;
}

static void
append_args(GString *line, const HfSeccompCall *call)
{
    hf_json_write_name(line, "args");
    for (int i = 0; i < HF_SECCOMP_ARGS; i++)
        g_string_append_printf(line, "%s\"0x%" G_GINT64_MODIFIER "x\"", i == 0 ? "[" : ",",
                               call->args[i]);
    g_string_append_c(line, ']');
}

static void
append_record(const HfSeccompRecords *self, GString *lines, const Record *record)
{
    g_autoptr(GString) line = g_string_new("{");
    HfClockFormat format;
    size_t length = 0;

    hf_clock_format_init(&format, true);
    hf_json_write_string(line, "time", hf_clock_format_rfc3339(&format, &record->first, &length));
    hf_json_write_string(line, "id", self->container_id);
    if (record->key.is_exact)
        hf_json_write_uint(line, "pid", (guint64)record->key.call.pid);
    hf_json_write_string(line, "syscall", record->name);
    if (record->arch != NULL)
        hf_json_write_string(line, "arch", record->arch);
    if (record->key.is_exact)
        append_args(line, &record->key.call);
    if (record->arch != NULL)
        hf_json_write_string(line, "action",
                             hf_seccomp_action_to_string((HfSeccompAction)record->key.action));
    if (record->key.errnum != 0)
        hf_json_write_string(line, "errno", strerrorname_np(record->key.errnum));
    hf_json_write_uint(line, "count", record->count);
    g_string_append_printf(lines, "%s}\n", line->str);
}

void
hf_seccomp_records_flush(HfSeccompRecords *self)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    hf_source_clear(&self->timer);
    for (guint i = 0; i < self->order->len; i++)
        append_record(self, lines, g_ptr_array_index(self->order, i));
    g_hash_table_remove_all(self->batch);
    g_ptr_array_set_size(self->order, 0);
    self->exact_count = 0;
    if (lines->len > 0 && !hf_record_file_write(self->file, lines->str, lines->len, &error))
        self->on_failed(error, self->user_data);
}

static gboolean
on_timer(gpointer user_data)
{
    hf_seccomp_records_flush(user_data);
    return G_SOURCE_REMOVE;
}

/* The record that @key counts in, with as many details as there is room for. */
static Record *
find_record(HfSeccompRecords *self, Key *key)
{
    Record *record = g_hash_table_lookup(self->batch, key);

    if (record != NULL || self->exact_count < EXACT_MAX)
        return record;
    forget_details(key, false);
    record = g_hash_table_lookup(self->batch, key);
    if (record != NULL || self->order->len < EXACT_MAX + NAMES_MAX)
        return record;
    forget_details(key, true);
    key->action = 0;
    key->errnum = 0;
    return g_hash_table_lookup(self->batch, key);
}

static Record *
add_record(HfSeccompRecords *self, const Key *key, const char *name, const char *arch)
{
    Record *record = g_new0(Record, 1);
    bool has_name = key->is_exact || key->call.number != -1;

    record->key = *key;
    record->name = g_strdup(has_name ? name : "*");
    record->arch = g_strdup(has_name ? arch : NULL);
    record->first = hf_clock_now();
    self->exact_count += key->is_exact ? 1 : 0;
    g_hash_table_insert(self->batch, &record->key, record);
    g_ptr_array_add(self->order, record);
    if (self->timer == NULL)
        self->timer =
            hf_source_after(self->context, BATCH_MS, HF_PRIORITY_OUTPUT, "records", on_timer, self);
    return record;
}

void
hf_seccomp_records_add(HfSeccompRecords *self, const HfSeccompCall *call, const char *name,
                       const char *arch, const HfSeccompVerdict *verdict)
{
    Record *record;
    Key key;

    make_key(&key, call, verdict);
    record = find_record(self, &key);
    if (record == NULL)
        record = add_record(self, &key, name, arch);
    record->count++;
}
