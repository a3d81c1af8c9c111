/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/saved-state.h"
#include "base/source.h"
#include "test-kit.h"

/* What @writer has put, read again. */
static HfStateReader *
read_again(HfStateWriter *writer)
{
    g_autoptr(GError) error = NULL;
    hf_autofd fd = hf_state_writer_finish(writer, &error);
    HfStateReader *reader;

    g_assert_no_error(error);
    reader = hf_state_reader_new_from_fd(fd, &error);
    g_assert_no_error(error);
    return reader;
}

static void
test_values_come_back(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    size_t length = 0;

    hf_state_put_number(writer, "number", G_MININT64);
    hf_state_put_bool(writer, "true", true);
    hf_state_put_text(writer, "text", "caf\xe9");
    hf_state_put_bytes(writer, "bytes", "a\0b", 3);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_cmpint(hf_state_get_number(reader, "number", G_MININT64, 0, 1), ==, G_MININT64);
    g_assert_true(hf_state_get_bool(reader, "true"));
    g_assert_cmpstr(hf_state_get_text(reader, "text"), ==, "caf\xe9");
    g_assert_cmpmem(hf_state_get_bytes(reader, "bytes", &length), (int)length, "a\0b", 3);
    g_assert_true(hf_state_reader_check(reader, NULL));
}

static void
test_what_is_not_there_is_harmless(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    size_t length = 1;

    hf_state_put_text(writer, "text", NULL);
    hf_state_put_fd(writer, "fd", -1);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_cmpint(hf_state_get_number(reader, "number", 0, 9, 5), ==, 5);
    g_assert_null(hf_state_get_text(reader, "text"));
    g_assert_null(hf_state_get_bytes(reader, "bytes", &length));
    g_assert_cmpuint(length, ==, 0);
    g_assert_cmpint(hf_state_take_fd(reader, "fd"), ==, -1);
    g_assert_cmpint(hf_state_get_timer_ms(reader, "timer"), ==, -1);
    g_assert_true(hf_state_reader_check(reader, NULL));
}

static void
test_dictionaries_within_dictionaries(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();

    hf_state_begin(writer, "outer");
    hf_state_begin(writer, "inner");
    hf_state_put_number(writer, "number", 3);
    hf_state_end(writer);
    hf_state_put_number(writer, "number", 2);
    hf_state_end(writer);
    g_autoptr(HfStateReader) reader = read_again(writer);
    HfStateReader *outer = hf_state_open(reader, "outer");

    g_assert_cmpint(hf_state_get_number(outer, "number", 0, 9, 0), ==, 2);
    g_assert_cmpint(hf_state_get_number(hf_state_open_needed(outer, "inner"), "number", 0, 9, 0),
                    ==, 3);
    g_assert_null(hf_state_open(reader, "inner"));
}

static void
test_the_first_fault_is_kept(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    g_autoptr(GError) error = NULL;

    hf_state_put_number(writer, "number", 10);
    g_autoptr(HfStateReader) reader = read_again(writer);
    HfStateReader *missing = hf_state_open_needed(reader, "part");

    g_assert_cmpint(hf_state_get_number(reader, "number", 0, 9, 5), ==, 5);
    g_assert_null(hf_state_get_text(missing, "text"));
    g_assert_false(hf_state_reader_check(missing, &error));
    g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
    g_assert_nonnull(strstr(error->message, "'part'"));
}

static void
test_a_number_outside_its_limits_is_a_fault(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    g_autoptr(GError) error = NULL;

    hf_state_put_number(writer, "number", 10);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_cmpint(hf_state_get_number(reader, "number", 0, 9, 5), ==, 5);
    g_assert_false(hf_state_reader_check(reader, &error));
    g_assert_nonnull(strstr(error->message, "'number'"));
}

static void
test_another_type_is_a_fault(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();

    hf_state_put_number(writer, "value", 1);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_null(hf_state_get_text(reader, "value"));
    g_assert_false(hf_state_reader_check(reader, NULL));
}

static void
test_a_descriptor_is_taken_once(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    hf_autofd fd = open("/dev/null", O_RDONLY);

    hf_state_put_fd(writer, "fd", fd);
    g_assert_cmpuint(hf_state_writer_get_fds(writer)->len, ==, 1);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_cmpint(hf_state_take_needed_fd(reader, "fd"), ==, fd);
    g_assert_true(hf_state_reader_check(reader, NULL));
    g_assert_true(hf_state_reader_guard_fds(reader, NULL));
    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
    g_assert_cmpint(hf_state_take_fd(reader, "fd"), ==, -1);
    g_assert_false(hf_state_reader_check(reader, NULL));
}

static void
test_a_descriptor_that_is_closed_is_a_fault(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    hf_state_put_fd(writer, "fd", fd);
    hf_close_fd(&fd);
    g_autoptr(HfStateReader) reader = read_again(writer);

    g_assert_cmpint(hf_state_take_fd(reader, "fd"), ==, -1);
    g_assert_false(hf_state_reader_check(reader, NULL));
}

static gboolean
on_timer(gpointer user_data)
{
    return G_SOURCE_REMOVE;
}

static void
test_a_timer_keeps_its_end(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    g_autoptr(GMainContext) context = g_main_context_new();
    GSource *timer = hf_source_after(context, 100 * 1000, 0, "timer", on_timer, NULL);

    hf_state_put_timer(writer, "timer", timer);
    g_autoptr(HfStateReader) reader = read_again(writer);
    int left_ms = hf_state_get_timer_ms(reader, "timer");

    g_assert_cmpint(left_ms, >, 0);
    g_assert_cmpint(left_ms, <=, 100 * 1000);
    hf_source_clear(&timer);
}

static void
test_another_version_is_refused(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) state =
        g_variant_ref_sink(g_variant_new("(su@a{sv})", "holdfast-upgrade", HF_STATE_VERSION + 1,
                                         g_variant_new_array(G_VARIANT_TYPE("{sv}"), NULL, 0)));

    g_assert_null(
        hf_state_reader_new(g_variant_get_data(state), g_variant_get_size(state), &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
}

/* Each byte of a good state in turn has each of its bits turned. */
static void
test_any_change_of_a_bit_is_survived(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    char bytes[512];
    ssize_t length;
    int fd;

    hf_state_begin(writer, "part");
    hf_state_put_text(writer, "text", "abc");
    hf_state_end(writer);
    hf_state_put_bytes(writer, "bytes", "abc", 3);
    fd = hf_state_writer_finish(writer, NULL);
    length = pread(fd, bytes, sizeof bytes, 0);
    g_assert_cmpint(length, >, 0);
    g_assert_cmpint(length, <, (ssize_t)sizeof bytes);

    for (ssize_t bit = 0; bit < 8 * length; bit++) {
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        g_autoptr(HfStateReader) reader = hf_state_reader_new(bytes, (size_t)length, NULL);
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        if (reader == NULL)
            continue;
        size_t size = 0;
        (void)hf_state_get_text(hf_state_open_needed(reader, "part"), "text");
        (void)hf_state_get_bytes(reader, "bytes", &size);
        g_assert_cmpuint(size, <, sizeof bytes);
    }
    hf_close_fd(&fd);
}

static void
test_a_state_cannot_be_changed(void)
{
    g_autoptr(HfStateWriter) writer = hf_state_writer_new();
    hf_autofd fd = hf_state_writer_finish(writer, NULL);

    g_assert_cmpint(fcntl(fd, F_GET_SEALS) & F_SEAL_WRITE, !=, 0);
    g_assert_cmpint(write(fd, "x", 1), ==, -1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/saved-state/values-come-back", test_values_come_back);
    hf_test_add("/base/saved-state/what-is-not-there-is-harmless",
                test_what_is_not_there_is_harmless);
    hf_test_add("/base/saved-state/dictionaries-within-dictionaries",
                test_dictionaries_within_dictionaries);
    hf_test_add("/base/saved-state/the-first-fault-is-kept", test_the_first_fault_is_kept);
    hf_test_add("/base/saved-state/a-number-outside-its-limits-is-a-fault",
                test_a_number_outside_its_limits_is_a_fault);
    hf_test_add("/base/saved-state/another-type-is-a-fault", test_another_type_is_a_fault);
    hf_test_add("/base/saved-state/a-descriptor-is-taken-once", test_a_descriptor_is_taken_once);
    hf_test_add("/base/saved-state/a-descriptor-that-is-closed-is-a-fault",
                test_a_descriptor_that_is_closed_is_a_fault);
    hf_test_add("/base/saved-state/a-timer-keeps-its-end", test_a_timer_keeps_its_end);
    hf_test_add("/base/saved-state/another-version-is-refused", test_another_version_is_refused);
    hf_test_add("/base/saved-state/any-change-of-a-bit-is-survived",
                test_any_change_of_a_bit_is_survived);
    hf_test_add("/base/saved-state/a-state-cannot-be-changed", test_a_state_cannot_be_changed);
    return g_test_run();
}
