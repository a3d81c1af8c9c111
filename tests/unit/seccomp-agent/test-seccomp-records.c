/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "base/error.h"
#include "lib/test-kit.h"
#include "seccomp-agent/seccomp-records.h"

#define EXACT_MAX 256
#define NAMES_MAX 1024

typedef struct {
    char *dir;
    HfRecordFile *file;
    HfSeccompRecords *records;
    GMainContext *context;
    guint failures;
} Fixture;

static void
on_failed(const GError *error, gpointer user_data)
{
    ((Fixture *)user_data)->failures++;
}

static void
set_up(Fixture *f)
{
    f->dir = hf_test_make_dir();
    g_autofree char *path = g_build_filename(f->dir, "r", NULL);

    f->failures = 0;
    f->context = g_main_context_new();
    f->file = hf_record_file_new(path, 1024 * 1024, NULL);
    f->records = hf_seccomp_records_new(f->context, f->file, "ctr", on_failed, f);
}

static void
tear_down(Fixture *f)
{
    hf_seccomp_records_free(f->records);
    hf_record_file_free(f->file);
    g_main_context_unref(f->context);
    hf_test_remove_dir(f->dir);
}

static void
add(Fixture *f, int number, guint64 arg)
{
    struct seccomp_data data = {.nr = number, .arch = SCMP_ARCH_X86_64, .args = {arg, G_MAXUINT64}};
    HfSeccompVerdict verdict = {HF_SECCOMP_ERRNO, EACCES, true};
    g_autofree char *name = g_strdup_printf("call%d", number);
    HfSeccompCall call;

    hf_seccomp_call_init(&call, 42, &data);
    hf_seccomp_records_add(f->records, &call, name, "arch", &verdict);
}

static char **
read_lines(Fixture *f)
{
    g_autofree char *text = hf_test_read_file(f->dir, "r");

    return g_strsplit(text, "\n", -1);
}

static void
test_equal(void)
{
    Fixture f;

    set_up(&f);
    for (int i = 0; i < 3; i++)
        add(&f, 1, 0x10);
    add(&f, 1, 0x11);
    hf_seccomp_records_flush(f.records);

    g_auto(GStrv) lines = read_lines(&f);
    g_assert_cmpuint(g_strv_length(lines), ==, 3); /* and what is behind the last newline */
    g_assert_true(g_str_has_prefix(lines[0], "{\"time\":\""));
    g_assert_true(g_str_has_suffix(
        lines[0], "Z\",\"id\":\"ctr\",\"pid\":42,\"syscall\":\"call1\",\"arch\":\"arch\","
                  "\"args\":[\"0x10\",\"0xffffffffffffffff\",\"0x0\",\"0x0\",\"0x0\",\"0x0\"],"
                  "\"action\":\"errno\",\"errno\":\"EACCES\",\"count\":3}"));
    g_assert_true(g_str_has_suffix(lines[1], "\"count\":1}"));
    tear_down(&f);
}

static bool
has_text(gpointer user_data)
{
    g_autofree char *text = hf_test_read_file(((Fixture *)user_data)->dir, "r");

    return *text != '\0';
}

static void
test_by_itself(void)
{
    Fixture f;

    set_up(&f);
    add(&f, 1, 0);
    hf_test_wait(f.context, "the record", has_text, &f);

    g_assert_false(g_main_context_pending(f.context));
    tear_down(&f);
}

static guint64
sum_counts(char **lines)
{
    guint64 sum = 0;

    for (char **line = lines; *line != NULL; line++) {
        const char *count = strstr(*line, "\"count\":");

        sum += count != NULL ? g_ascii_strtoull(count + strlen("\"count\":"), NULL, 10) : 0;
    }
    return sum;
}

static void
test_flood_of_arguments(void)
{
    Fixture f;

    set_up(&f);
    for (guint i = 0; i < 10000; i++)
        add(&f, 1, i);
    hf_seccomp_records_flush(f.records);

    g_auto(GStrv) lines = read_lines(&f);
    g_assert_cmpuint(g_strv_length(lines), ==, EXACT_MAX + 1 + 1);
    g_assert_null(strstr(lines[EXACT_MAX], "args"));
    g_assert_nonnull(strstr(lines[EXACT_MAX], "\"syscall\":\"call1\""));
    g_assert_cmpuint(sum_counts(lines), ==, 10000);
    tear_down(&f);
}

static void
test_flood_of_calls(void)
{
    Fixture f;

    set_up(&f);
    for (int i = 0; i < 5000; i++)
        add(&f, i, 0);
    hf_seccomp_records_flush(f.records);

    g_auto(GStrv) lines = read_lines(&f);
    g_assert_cmpuint(g_strv_length(lines), ==, EXACT_MAX + NAMES_MAX + 1 + 1);
    g_assert_nonnull(strstr(lines[EXACT_MAX + NAMES_MAX], "\"syscall\":\"*\",\"count\":"));
    g_assert_cmpuint(sum_counts(lines), ==, 5000);
    tear_down(&f);
}

static void
test_new_batch(void)
{
    Fixture f;

    set_up(&f);
    add(&f, 1, 0);
    hf_seccomp_records_flush(f.records);
    add(&f, 1, 0);
    hf_seccomp_records_flush(f.records);
    hf_seccomp_records_flush(f.records);

    g_auto(GStrv) lines = read_lines(&f);
    g_assert_cmpuint(g_strv_length(lines), ==, 3);
    g_assert_cmpuint(f.failures, ==, 0);
    tear_down(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/seccomp-agent/seccomp-records/equal-calls-are-counted", test_equal);
    hf_test_add("/seccomp-agent/seccomp-records/are-written-by-themselves", test_by_itself);
    hf_test_add("/seccomp-agent/seccomp-records/different-arguments-are-bounded",
                test_flood_of_arguments);
    hf_test_add("/seccomp-agent/seccomp-records/different-calls-are-bounded", test_flood_of_calls);
    hf_test_add("/seccomp-agent/seccomp-records/each-batch-counts-anew", test_new_batch);
    return g_test_run();
}
