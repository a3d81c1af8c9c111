/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Random bytes in random reads go through the splitter, a sink, rotation, reopening, now and then
 * a new writer after one that died, and come back from the reader: all of them, each once. */

#include <glib.h>

#include "base/fd.h"
#include "log-reader-kit.h"
#include "logging/cri-file.h"
#include "logging/gzip-file.h"
#include "logging/json-file.h"
#include "logging/log-rotation.h"
#include "logging/log-router.h"

#define ROUNDS 40
#define READS 60

typedef struct {
    LogReaderKit *kit;
    HfLogRouter *router;
    HfLogLineFormat format;
    gint64 size_max;
    GString *sent[HF_STREAM_COUNT];
    GString *received[HF_STREAM_COUNT];
} Trip;

/* Only what JSON can hold. */
static void
append_random_text(GString *bytes, int length)
{
    static const char *const words[] = {
        "a",      "\"\\/<&>",         "\n", "\xc3\xa4", "\xe2\x80\xa8",
        "\x01\t", "\xf0\x9f\x90\x9f", " ",  "\n\n",     "0123456789"};

    while (length-- > 0)
        g_string_append(bytes, words[g_test_rand_int_range(0, G_N_ELEMENTS(words))]);
}

static void
append_random_bytes(GString *bytes, int length)
{
    while (length-- > 0)
        g_string_append_c(
            bytes, g_test_rand_int_range(0, 30) == 0 ? '\n' : (char)g_test_rand_int_range(0, 256));
}

static void
open_router(Trip *self)
{
    static const HfLogRouterHandlers handlers = {0};
    /* A character that is cut in two is none in JSON. */
    size_t line_max =
        self->format == HF_LOG_LINE_FORMAT_JSON ? 1000000 : (size_t)g_test_rand_int_range(1, 3000);
    const HfFileSinkOptions options = {
        .path = self->kit->path, .size_max = self->size_max, .files_max = 100000};
    g_autoptr(GError) error = NULL;
    HfLogSink *sink = self->format == HF_LOG_LINE_FORMAT_JSON
                          ? hf_json_file_new(&options, NULL, NULL, &error)
                          : hf_cri_file_new(&options, &error);

    g_assert_no_error(error);
    self->router = hf_log_router_new(self->kit->context, line_max, &handlers, NULL);
    hf_log_router_take_sink(self->router, sink);
}

static bool
ends_within_line(const Trip *self)
{
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(self->kit->path, &text, &length, NULL));
    return length > 0 && text[length - 1] != '\n';
}

/* The writer dies, perhaps within a record, of which so much is in the file that it shows to be
 * none. */
static void
replace_writer(Trip *self)
{
    hf_log_router_flush_partial(self->router);
    hf_log_router_free(self->router);
    if (g_test_rand_bit() && !ends_within_line(self))
        log_reader_kit_append(self->kit, "log",
                              self->format == HF_LOG_LINE_FORMAT_JSON ? "{\"log\":\"tor"
                                                                      : AT("00") " stdou");
    open_router(self);
}

static void
compress_something(Trip *self)
{
    guint number = (guint)g_test_rand_int_range(1, 6);
    g_autofree char *plain = hf_log_rotation_get_name(self->kit->path, number, false);
    g_autofree char *compressed = hf_log_rotation_get_name(self->kit->path, number, true);
    int in_fd = open(plain, O_RDONLY | O_CLOEXEC);
    int out_fd;

    if (in_fd < 0 || !hf_gzip_file_is_supported())
        return hf_close_fd(&in_fd);
    out_fd = open(compressed, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    g_assert_true(hf_gzip_file_copy(in_fd, out_fd));
    g_assert_no_errno(unlink(plain));
    hf_close_fd(&in_fd);
    hf_close_fd(&out_fd);
}

static void
write_read(Trip *self)
{
    HfStream stream = g_test_rand_bit() ? HF_STREAM_STDERR : HF_STREAM_STDOUT;
    GString *sent = self->sent[stream];
    gsize start = sent->len;

    if (self->format == HF_LOG_LINE_FORMAT_JSON)
        append_random_text(sent, g_test_rand_int_range(0, 300));
    else
        append_random_bytes(sent, g_test_rand_int_range(0, 1500));
    hf_log_router_write(self->router, stream, sent->str + start, sent->len - start,
                        g_test_rand_bit());
}

static void
do_something(Trip *self)
{
    g_autoptr(GError) error = NULL;

    switch (g_test_rand_int_range(0, 20)) {
    case 0:
        g_assert_true(hf_log_rotation_shift(self->kit->path, 100000, &error));
        G_GNUC_FALLTHROUGH;
    case 1:
        g_assert_true(hf_log_router_reopen(self->router, &error));
        break;
    case 2:
        replace_writer(self);
        break;
    case 3:
        compress_something(self);
        break;
    default:
        write_read(self);
    }
}

static void
receive(const HfLogMessage *message, gpointer user_data)
{
    Trip *self = user_data;

    g_string_append_len(self->received[message->stream], message->bytes, (gssize)message->length);
    if (!message->is_partial)
        g_string_append_c(self->received[message->stream], '\n');
}

static void
note_problem(HfLogReaderProblem problem, gpointer user_data)
{
    Trip *self = user_data;

    self->kit->problems[problem]++;
}

static void
note_end(const GError *error, gpointer user_data)
{
    Trip *self = user_data;

    g_assert_no_error(error);
    self->kit->ends++;
}

static void
read_back(Trip *self, bool is_following)
{
    static const HfLogReaderHandlers handlers = {
        .on_message = receive, .on_problem = note_problem, .on_end = note_end};
    const HfLogReaderOptions options = {
        .format = self->format,
        .is_following = is_following,
        .is_joining = g_test_rand_bit(),
        .tail = HF_LOG_READER_TAIL_ALL,
    };
    g_autoptr(GError) error = NULL;

    self->kit->reader =
        hf_log_reader_new(self->kit->context, self->kit->path, &options, &handlers, self, &error);
    g_assert_no_error(error);
}

static void
assert_arrived(Trip *self)
{
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        g_assert_cmpuint(self->received[i]->len, ==, self->sent[i]->len);
        g_assert_true(g_string_equal(self->received[i], self->sent[i]));
        g_string_free(self->received[i], TRUE);
        g_string_free(self->sent[i], TRUE);
    }
    for (guint i = 0; i < HF_LOG_READER_PROBLEM_COUNT; i++) {
        if (i != HF_LOG_READER_PROBLEM_TORN)
            g_assert_cmpuint(self->kit->problems[i], ==, 0);
    }
}

static void
make_trip(HfLogLineFormat format, bool is_following)
{
    static const gint64 sizes[] = {0, 3000, 20000};
    g_autoptr(LogReaderKit) kit = log_reader_kit_new();
    Trip trip = {
        .kit = kit,
        .format = format,
        .size_max = sizes[g_test_rand_int_range(0, G_N_ELEMENTS(sizes))],
    };

    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        trip.sent[i] = g_string_new(NULL);
        trip.received[i] = g_string_new(NULL);
    }
    open_router(&trip);
    if (is_following)
        read_back(&trip, true);
    for (guint i = 0; i < READS; i++) {
        do_something(&trip);
        if (g_test_rand_bit())
            (void)g_main_context_iteration(kit->context, FALSE);
    }
    hf_log_router_flush_partial(trip.router);
    /* So that a reader that joins knows the ends of all lines. */
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        hf_log_router_write(trip.router, (HfStream)i, "\n", 1, false);
        g_string_append_c(trip.sent[i], '\n');
    }
    hf_log_router_free(trip.router);
    if (!is_following)
        read_back(&trip, false);
    hf_test_settle(kit->context);

    assert_arrived(&trip);
    g_assert_cmpuint(kit->ends, ==, is_following ? 0 : 1);
}

static void
test_cri_gives_any_bytes_back(void)
{
    for (guint round = 0; round < ROUNDS; round++)
        make_trip(HF_LOG_LINE_FORMAT_CRI, false);
}

static void
test_cri_gives_any_bytes_back_to_who_follows(void)
{
    for (guint round = 0; round < ROUNDS; round++)
        make_trip(HF_LOG_LINE_FORMAT_CRI, true);
}

static void
test_json_gives_any_text_back(void)
{
    for (guint round = 0; round < ROUNDS; round++)
        make_trip(HF_LOG_LINE_FORMAT_JSON, false);
}

static void
test_json_gives_any_text_back_to_who_follows(void)
{
    for (guint round = 0; round < ROUNDS; round++)
        make_trip(HF_LOG_LINE_FORMAT_JSON, true);
}

#define ADD(name, test) hf_test_add("/logging/log-round-trip/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("cri-gives-any-bytes-back", test_cri_gives_any_bytes_back);
    ADD("cri-gives-any-bytes-back-to-who-follows", test_cri_gives_any_bytes_back_to_who_follows);
    ADD("json-gives-any-text-back", test_json_gives_any_text_back);
    ADD("json-gives-any-text-back-to-who-follows", test_json_gives_any_text_back_to_who_follows);
    return g_test_run();
}
