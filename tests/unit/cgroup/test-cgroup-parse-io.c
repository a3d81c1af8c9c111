/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-parse-io.h"
#include "cgroup/cgroup-parse.h"
#include "test-kit.h"

static GArray *
entries_new(void)
{
    return g_array_new(FALSE, FALSE, sizeof(HfCgroupBlkioEntry));
}

static char *
show(const GArray *entries)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < entries->len; i++) {
        const HfCgroupBlkioEntry *entry = &g_array_index(entries, HfCgroupBlkioEntry, i);

        g_string_append_printf(text, "%s%u:%u %s=%" G_GUINT64_FORMAT, i == 0 ? "" : ", ",
                               (guint)entry->major, (guint)entry->minor, entry->op, entry->value);
    }
    return g_string_free(text, FALSE);
}

static void
assert_shows(const GArray *entries, const char *expected)
{
    g_autofree char *shown = show(entries);

    g_assert_cmpstr(shown, ==, expected);
}

static void
assert_parsed(HfCgroupParser parse, const char *text, gpointer out)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(parse(text, strlen(text), out, &error));
    g_assert_no_error(error);
}

static void
assert_refused(HfCgroupParser parse, const char *text, size_t length, gpointer out)
{
    g_autofree char *shown = g_strescape(text, NULL);
    g_autoptr(GError) error = NULL;

    g_test_message("'%s'", shown);
    g_assert_false(parse(text, length, out, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
}

static void
test_blkio_without_the_total_of_all_devices(void)
{
    g_autoptr(GArray) entries = entries_new();

    assert_parsed(hf_cgroup_parse_blkio,
                  "8:0 Read 1282048\n8:0 Discard 0\n8:0 Total 3477504\n253:17 Write 5\nTotal 9\n",
                  entries);

    assert_shows(entries, "8:0 Read=1282048, 8:0 Discard=0, 8:0 Total=3477504, 253:17 Write=5");
}

static void
test_blkio_with_one_number_for_a_device(void)
{
    g_autoptr(GArray) entries = entries_new();

    assert_parsed(hf_cgroup_parse_blkio, "8:0 6792\n8:16 18446744073709551615", entries);

    assert_shows(entries, "8:0 =6792, 8:16 =18446744073709551615");
}

static void
test_blkio_of_no_device(void)
{
    g_autoptr(GArray) entries = entries_new();

    assert_parsed(hf_cgroup_parse_blkio, "Total 0\n", entries);
    assert_parsed(hf_cgroup_parse_blkio, "", entries);

    g_assert_cmpuint(entries->len, ==, 0);
}

static void
test_what_is_no_blkio_is_refused(void)
{
    static const char *const texts[] = {
        "8:0\n",          "8 Read 1\n",
        "8:x Read 1\n",   ":0 Read 1\n",
        "8:0 Read\n",     "8:0 Read x\n",
        "8:0 Read 1 2\n", "Total\n",
        "Sum 1\n",        "8:0 ANameOfAnOpTooLong 1\n",
        "Total x\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) entries = entries_new();

        assert_refused(hf_cgroup_parse_blkio, texts[i], strlen(texts[i]), entries);
    }
}

static void
test_name_of_an_op_is_letters(void)
{
    g_autoptr(GArray) entries = entries_new();

    assert_refused(hf_cgroup_parse_blkio, "8:0 R\0d 1\n", 10, entries);
    assert_refused(hf_cgroup_parse_blkio, "8:0 \"Rd 1\n", 11, entries);
}

static void
test_io_stat_gives_reads_and_writes(void)
{
    g_autoptr(GArray) bytes = entries_new();
    g_autoptr(GArray) operations = entries_new();
    HfCgroupIoStat stat = {bytes, operations};

    assert_parsed(hf_cgroup_parse_io_stat,
                  "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=7 dios=1\n"
                  "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n",
                  &stat);

    assert_shows(bytes, "8:16 Read=1459200, 8:16 Write=314773504, 254:0 Read=1, 254:0 Write=2");
    assert_shows(operations, "8:16 Read=192, 8:16 Write=353, 254:0 Read=3, 254:0 Write=4");
}

static void
test_io_stat_of_other_keys_is_passed_over(void)
{
    g_autoptr(GArray) bytes = entries_new();
    g_autoptr(GArray) operations = entries_new();
    HfCgroupIoStat stat = {bytes, operations};

    assert_parsed(hf_cgroup_parse_io_stat,
                  "8:0 cost.vrate=100.00 cost.usage=12 flag rbytes=5 use_delay=-1\n8:1 \n\n",
                  &stat);

    assert_shows(bytes, "8:0 Read=5");
    g_assert_cmpuint(operations->len, ==, 0);
}

static void
test_io_stat_of_a_device_whose_line_does_not_end(void)
{
    g_autoptr(GArray) bytes = entries_new();
    g_autoptr(GArray) operations = entries_new();
    HfCgroupIoStat stat = {bytes, operations};

    assert_parsed(hf_cgroup_parse_io_stat, "8:16 8:0 rbytes=5 wbytes=6\n", &stat);

    assert_shows(bytes, "8:0 Read=5, 8:0 Write=6");
}

static void
test_what_is_no_io_stat_is_refused(void)
{
    static const char *const texts[] = {
        "rbytes=1\n",
        "8 rbytes=1\n",
        "8:0 rbytes=x\n",
        "8:0 wios=\n",
        "8:0 rios=18446744073709551616\n",
        "garbage\n",
        "\xff\xff 8:0 rbytes=1\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GArray) bytes = entries_new();
        g_autoptr(GArray) operations = entries_new();
        HfCgroupIoStat stat = {bytes, operations};

        assert_refused(hf_cgroup_parse_io_stat, texts[i], strlen(texts[i]), &stat);
    }
}

static void
test_pressure(void)
{
    HfCgroupPressure pressure = {0};

    assert_parsed(hf_cgroup_parse_pressure,
                  "some avg10=2.94 avg60=1.17 avg300=0.27 total=875272\n"
                  "full avg10=100.00 avg60=1.08 avg300=0.25 total=811697 new=x\n",
                  &pressure);

    g_assert_true(pressure.is_known);
    g_assert_cmpfloat_with_epsilon(pressure.some.avg10, 2.94, 0.001);
    g_assert_cmpfloat_with_epsilon(pressure.some.avg60, 1.17, 0.001);
    g_assert_cmpfloat_with_epsilon(pressure.some.avg300, 0.27, 0.001);
    g_assert_cmpuint(pressure.some.total_us, ==, 875272);
    g_assert_cmpfloat_with_epsilon(pressure.full.avg10, 100, 0.001);
    g_assert_cmpuint(pressure.full.total_us, ==, 811697);
}

static void
test_pressure_of_cpus_may_lack_full(void)
{
    HfCgroupPressure pressure = {0};

    assert_parsed(hf_cgroup_parse_pressure, "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n",
                  &pressure);

    g_assert_true(pressure.is_known);
    g_assert_cmpuint(pressure.some.total_us, ==, 5);
    g_assert_cmpuint(pressure.full.total_us, ==, 0);
}

static void
test_no_pressure_is_not_known(void)
{
    HfCgroupPressure pressure = {0};

    assert_parsed(hf_cgroup_parse_pressure, "", &pressure);

    g_assert_false(pressure.is_known);
}

static void
test_what_is_no_pressure_is_refused(void)
{
    static const char *const texts[] = {
        "other avg10=1\n",
        "\n",
        "some avg10\n",
        "some avg10=\n",
        "some avg10=x\n",
        "some avg60=nan\n",
        "some avg60=1.0x\n",
        "some total=1.5\n",
        "full avg300=00000000000000000000000000000000000000\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        HfCgroupPressure pressure = {0};

        assert_refused(hf_cgroup_parse_pressure, texts[i], strlen(texts[i]), &pressure);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/cgroup-parse-io/blkio-without-the-total-of-all-devices",
                test_blkio_without_the_total_of_all_devices);
    hf_test_add("/cgroup/cgroup-parse-io/blkio-with-one-number-for-a-device",
                test_blkio_with_one_number_for_a_device);
    hf_test_add("/cgroup/cgroup-parse-io/blkio-of-no-device", test_blkio_of_no_device);
    hf_test_add("/cgroup/cgroup-parse-io/what-is-no-blkio-is-refused",
                test_what_is_no_blkio_is_refused);
    hf_test_add("/cgroup/cgroup-parse-io/name-of-an-op-is-letters", test_name_of_an_op_is_letters);
    hf_test_add("/cgroup/cgroup-parse-io/io-stat-gives-reads-and-writes",
                test_io_stat_gives_reads_and_writes);
    hf_test_add("/cgroup/cgroup-parse-io/io-stat-of-other-keys-is-passed-over",
                test_io_stat_of_other_keys_is_passed_over);
    hf_test_add("/cgroup/cgroup-parse-io/io-stat-of-a-device-whose-line-does-not-end",
                test_io_stat_of_a_device_whose_line_does_not_end);
    hf_test_add("/cgroup/cgroup-parse-io/what-is-no-io-stat-is-refused",
                test_what_is_no_io_stat_is_refused);
    hf_test_add("/cgroup/cgroup-parse-io/pressure", test_pressure);
    hf_test_add("/cgroup/cgroup-parse-io/pressure-of-cpus-may-lack-full",
                test_pressure_of_cpus_may_lack_full);
    hf_test_add("/cgroup/cgroup-parse-io/no-pressure-is-not-known", test_no_pressure_is_not_known);
    hf_test_add("/cgroup/cgroup-parse-io/what-is-no-pressure-is-refused",
                test_what_is_no_pressure_is_refused);
    return g_test_run();
}
