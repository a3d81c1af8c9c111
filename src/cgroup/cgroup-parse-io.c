/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * io.stat has a line for each device, but not quite: some kernels print a device that has nothing
 * to tell without ending its line ("8:16 8:0 rbytes=1 ..."). So a word MAJOR:MINOR is taken for the
 * device of what follows, wherever in a line it stands.
 *
 * The values of keys that are not used are not looked at: cost.vrate is no integer. */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-parse-io.h"
#include "cgroup/cgroup-text.h"

static bool
parse_device(HfCgroupText word, HfCgroupBlkioEntry *entry)
{
    HfCgroupText major;

    return hf_cgroup_text_cut(&word, ':', &major) &&
           hf_cgroup_text_to_number(major, &entry->major) &&
           hf_cgroup_text_to_number(word, &entry->minor);
}

static bool
set_op(HfCgroupBlkioEntry *entry, HfCgroupText op)
{
    if (op.length >= sizeof entry->op)
        return false;
    for (size_t i = 0; i < op.length; i++)
        if (!g_ascii_isalpha(op.at[i]))
            return false;
    memset(entry->op, 0, sizeof entry->op);
    memcpy(entry->op, op.at, op.length);
    return true;
}

/* What follows the device: "NUMBER" or "OP NUMBER". */
static bool
parse_value(HfCgroupText rest, HfCgroupBlkioEntry *entry)
{
    HfCgroupText first;
    HfCgroupText second;
    HfCgroupText more;

    if (!hf_cgroup_text_next_word(&rest, &first))
        return false;
    if (!hf_cgroup_text_next_word(&rest, &second))
        return hf_cgroup_text_to_number(first, &entry->value);
    return set_op(entry, first) && hf_cgroup_text_to_number(second, &entry->value) &&
           !hf_cgroup_text_next_word(&rest, &more);
}

gboolean
hf_cgroup_parse_blkio(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText rest = {text, length};
    HfCgroupText line;
    guint number = 0;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    while (hf_cgroup_text_next_line(&rest, &line)) {
        HfCgroupBlkioEntry entry = {0};
        HfCgroupText word;

        number++;
        if (!hf_cgroup_text_next_word(&line, &word))
            continue;
        if (!parse_value(line, &entry))
            return hf_cgroup_text_throw_line(error, number, "device with a number");
        if (hf_cgroup_text_is(word, "Total"))
            continue;
        if (!parse_device(word, &entry))
            return hf_cgroup_text_throw_line(error, number, "device with a number");
        g_array_append_val((GArray *)out, entry);
    }
    return TRUE;
}

/* One "KEY=NUMBER". */
static bool
add_io_item(HfCgroupIoStat *stat, HfCgroupBlkioEntry *entry, HfCgroupText key, HfCgroupText value)
{
    static const struct {
        const char *key;
        const char *op;
        bool is_bytes;
    } known[] = {
        {"rbytes", "Read", true},
        {"wbytes", "Write", true},
        {"rios", "Read", false},
        {"wios", "Write", false},
    };

    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (!hf_cgroup_text_is(key, known[i].key))
            continue;
        if (!hf_cgroup_text_to_number(value, &entry->value))
            return false;
        (void)g_strlcpy(entry->op, known[i].op, sizeof entry->op);
        g_array_append_vals(known[i].is_bytes ? stat->bytes : stat->operations, entry, 1);
        return true;
    }
    return true;
}

static bool
parse_io_line(HfCgroupText line, HfCgroupIoStat *stat)
{
    HfCgroupBlkioEntry entry = {0};
    bool has_device = false;
    HfCgroupText word;
    HfCgroupText key;

    while (hf_cgroup_text_next_word(&line, &word)) {
        if (parse_device(word, &entry)) {
            has_device = true;
            continue;
        }
        if (!has_device)
            return false;
        if (hf_cgroup_text_cut(&word, '=', &key) && !add_io_item(stat, &entry, key, word))
            return false;
    }
    return true;
}

gboolean
hf_cgroup_parse_io_stat(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupText rest = {text, length};
    HfCgroupText line;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    for (guint number = 1; hf_cgroup_text_next_line(&rest, &line); number++)
        if (!parse_io_line(line, out))
            return hf_cgroup_text_throw_line(error, number, "device with its counters");
    return TRUE;
}

static bool
parse_percent(HfCgroupText text, double *out_percent)
{
    char number[32];
    char *end = NULL;

    if (text.length == 0 || text.length >= sizeof number || !g_ascii_isdigit(*text.at))
        return false;
    memcpy(number, text.at, text.length);
    number[text.length] = '\0';
    *out_percent = g_ascii_strtod(number, &end);
    return end == number + text.length;
}

static bool
parse_stall_item(HfCgroupStall *stall, HfCgroupText key, HfCgroupText value)
{
    if (hf_cgroup_text_is(key, "avg10"))
        return parse_percent(value, &stall->avg10);
    if (hf_cgroup_text_is(key, "avg60"))
        return parse_percent(value, &stall->avg60);
    if (hf_cgroup_text_is(key, "avg300"))
        return parse_percent(value, &stall->avg300);
    if (hf_cgroup_text_is(key, "total"))
        return hf_cgroup_text_to_number(value, &stall->total_us);
    return true;
}

static bool
parse_stall(HfCgroupText rest, HfCgroupStall *stall)
{
    HfCgroupText word;
    HfCgroupText key;

    while (hf_cgroup_text_next_word(&rest, &word))
        if (!hf_cgroup_text_cut(&word, '=', &key) || !parse_stall_item(stall, key, word))
            return false;
    return true;
}

gboolean
hf_cgroup_parse_pressure(const char *text, size_t length, gpointer out, GError **error)
{
    HfCgroupPressure *pressure = out;
    HfCgroupText rest = {text, length};
    HfCgroupText line;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    for (guint number = 1; hf_cgroup_text_next_line(&rest, &line); number++) {
        HfCgroupText word = {0};
        bool is_some = hf_cgroup_text_next_word(&line, &word) && hf_cgroup_text_is(word, "some");

        if (!is_some && !hf_cgroup_text_is(word, "full"))
            return hf_cgroup_text_throw_line(error, number, "line of 'some' or 'full'");
        if (!parse_stall(line, is_some ? &pressure->some : &pressure->full))
            return hf_cgroup_text_throw_line(error, number, "list of averages and a total");
        pressure->is_known = true;
    }
    return TRUE;
}
