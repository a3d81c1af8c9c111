/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The log reader on files of any bytes, and on what the sinks wrote of any bytes. */

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"
#include "logging/cri-file.h"
#include "logging/gzip-file.h"
#include "logging/json-file.h"
#include "logging/line-splitter.h"
#include "logging/log-reader-private.h"
#include "logging/log-reader-unpack.h"
#include "logging/log-reader.h"

#define FILES_MAX 60
#define MESSAGE_MAX 200

typedef struct {
    GString *texts[HF_STREAM_COUNT];
    size_t message_max; /* no message is longer */
    guint64 bytes;
    bool has_ended;
} Reading;

static void
on_message(const HfLogMessage *message, gpointer user_data)
{
    Reading *self = user_data;
    GString *text = self->texts[message->stream];

    g_assert_cmpuint(message->length, <=, self->message_max);
    self->bytes += message->length;
    if (text == NULL)
        return;
    g_string_append_len(text, message->bytes, (gssize)message->length);
    if (!message->is_partial)
        g_string_append_c(text, '\n');
}

static void
on_end(const GError *error, gpointer user_data)
{
    Reading *self = user_data;

    g_assert_no_error(error);
    g_assert_false(self->has_ended);
    self->has_ended = true;
}

static void
read_log(Reading *self, const char *path, const HfLogReaderOptions *options)
{
    static const HfLogReaderHandlers handlers = {.on_message = on_message, .on_end = on_end};
    g_autoptr(GMainContext) context = g_main_context_new();
    g_autoptr(HfLogReader) reader =
        hf_log_reader_new(context, path, options, &handlers, self, NULL);

    g_assert_nonnull(reader);
    hf_fuzz_wait(context, &self->has_ended);
}

static char *
name_file(guint number)
{
    if (number == 0)
        return g_build_filename(hf_fuzz_get_dir(), "log", NULL);
    g_autofree char *name = g_strdup_printf("log.%u", number);
    return g_build_filename(hf_fuzz_get_dir(), name, NULL);
}

static void
remove_files(void)
{
    for (guint i = 0; i <= FILES_MAX; i++) {
        g_autofree char *path = name_file(i);

        if (unlink(path) < 0 && i > 2)
            return;
    }
}

/* Two files of any bytes: the reader ends, and hands out no more than is in them. */
void
fuzz_log_reader(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    guint8 choice = hf_fuzz_take_byte(&input);
    size_t first = hf_fuzz_take_number(&input, 4096);
    const HfLogReaderOptions options = {
        .format = choice % 3,
        .is_joining = (choice & 4) != 0,
        .tail =
            (choice & 8) != 0 ? (gint64)hf_fuzz_take_number(&input, 10) : HF_LOG_READER_TAIL_ALL,
        .message_max = MESSAGE_MAX,
        .has_since = (choice & 16) != 0,
        .since = {.tv_sec = 1769860800},
        .has_until = (choice & 32) != 0,
        .until = {.tv_sec = 1769860900},
        .has_stream = (choice & 64) != 0,
    };
    Reading reading = {.message_max = hf_log_reader_get_line_max(&options)};
    g_autofree char *path = name_file(0);
    g_autofree char *older = name_file(1);
    size_t size = 0;
    const char *part = hf_fuzz_take_bytes(&input, first, &size);

    remove_files();
    hf_fuzz_write_file(older, part, size);
    hf_fuzz_write_file(path, input.at, input.left);
    read_log(&reading, path, &options);
    g_assert_cmpuint(reading.bytes, <=, length);
}

typedef struct {
    HfLogSink *sink;
    HfStream stream;
} Writing;

static void
on_line(const char *bytes, size_t length, bool is_partial, gpointer user_data)
{
    Writing *self = user_data;
    const HfLogRecord record = {
        .stream = self->stream, .is_partial = is_partial, .bytes = bytes, .length = length};

    self->sink->klass->append(self->sink, &record);
}

static void
on_lines(const char *bytes, const size_t *lengths, guint count, gpointer user_data)
{
    Writing *self = user_data;
    HfLogLines lines = {.stream = self->stream, .bytes = bytes, .lengths = lengths, .count = count};

    for (guint i = 0; i < count; i++)
        lines.size += lengths[i] + 1;
    self->sink->klass->append_lines(self->sink, &lines);
}

/* A format that holds text only is given ASCII, which is the same on both sides. */
static char *
choose_bytes(const char *bytes, size_t length, bool is_json)
{
    char *copy = g_malloc(length + 1);

    for (size_t i = 0; i < length; i++)
        copy[i] = is_json ? (char)(bytes[i] & 0x7f) : bytes[i];
    copy[length] = '\0';
    return copy;
}

static void
write_streams(HfLogSink *sink, HfFuzzInput input, bool is_json, GString **expected)
{
    static const HfLineHandlers handlers = {.on_line = on_line, .on_lines = on_lines};
    Writing writing[HF_STREAM_COUNT] = {{sink, HF_STREAM_STDOUT}, {sink, HF_STREAM_STDERR}};
    size_t line_max = 1 + hf_fuzz_take_number(&input, 100);
    HfLineSplitter *splitters[] = {hf_line_splitter_new(line_max, &handlers, &writing[0]),
                                   hf_line_splitter_new(line_max, &handlers, &writing[1])};

    while (input.left > 0) {
        guint8 choice = hf_fuzz_take_byte(&input);
        size_t size = 0;
        const char *part = hf_fuzz_take_bytes(&input, choice >> 1, &size);
        g_autofree char *text = choose_bytes(part, size, is_json);

        hf_line_splitter_push(splitters[choice & 1], text, size);
        g_string_append_len(expected[choice & 1], text, (gssize)size);
        if ((choice & 6) == 6)
            g_assert_cmpint(sink->klass->flush(sink, NULL), ==, HF_IO_DATA);
    }
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        hf_line_splitter_flush(splitters[i]);
        hf_line_splitter_free(splitters[i]);
    }
    g_assert_cmpint(sink->klass->flush(sink, NULL), ==, HF_IO_DATA);
}

/* What a container wrote is what is read from its log, stream for stream and byte for byte, however
 * it was cut into reads, lines and files: nothing in it is taken for a record. */
void
fuzz_log_round_trip(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    guint8 choice = hf_fuzz_take_byte(&input);
    bool is_json = (choice & 1) != 0;
    g_autofree char *path = name_file(0);
    const HfFileSinkOptions file_options = {
        .path = path,
        .size_max = (choice & 2) != 0 ? 400 : 0,
        .files_max = FILES_MAX,
        .is_utc = (choice & 4) != 0,
    };
    const HfLogReaderOptions options = {
        .format = is_json ? HF_LOG_LINE_FORMAT_JSON : HF_LOG_LINE_FORMAT_CRI,
        .tail = HF_LOG_READER_TAIL_ALL,
        .is_joining = (choice & 8) != 0,
    };
    g_autoptr(GString) expected_out = g_string_new(NULL);
    g_autoptr(GString) expected_err = g_string_new(NULL);
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GString) err = g_string_new(NULL);
    GString *expected[] = {expected_out, expected_err};
    Reading reading = {.texts = {out, err}, .message_max = HF_LOG_READER_MESSAGE_MAX};

    remove_files();
    /* As many files as are kept hold all of it. */
    g_autoptr(HfLogSink) sink = is_json ? hf_json_file_new(&file_options, NULL, NULL, NULL)
                                        : hf_cri_file_new(&file_options, NULL);
    g_assert_nonnull(sink);
    input.left = MIN(input.left, 1000);
    write_streams(sink, input, is_json, expected);
    read_log(&reading, path, &options);
    hf_fuzz_assert_same(out->str, out->len, expected_out->str, expected_out->len);
    hf_fuzz_assert_same(err->str, err->len, expected_err->str, expected_err->len);
}

static int
make_file(const char *bytes, size_t length)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(length > 0 ? write(fd, bytes, length) : 0, ==, length);
    g_assert_cmpint(lseek(fd, 0, SEEK_SET), ==, 0);
    return fd;
}

/* Each step reads or makes something, so the end comes: a member has 18 bytes and more, and a byte
 * stands for 1032 at most. What is unpacked goes to *@out_fd. */
static HfLogReaderUnpackStep
unpack(int fd, size_t steps_max, int *out_fd)
{
    g_autoptr(HfLogReaderUnpack) self = hf_log_reader_unpack_new(fd, NULL);
    HfLogReaderUnpackStep step = HF_LOG_READER_UNPACK_MORE;
    size_t made = 0;

    g_assert_nonnull(self);
    for (guint i = 0; step == HF_LOG_READER_UNPACK_MORE; i++) {
        g_assert_cmpuint(i, <, steps_max);
        step = hf_log_reader_unpack_step(self, &made, NULL);
    }
    *out_fd = hf_log_reader_unpack_steal_fd(self);
    return step;
}

/* A file of any bytes is unpacked or damaged; what was compressed by us reads as it was. */
void
fuzz_log_unpack(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    bool is_ours = (hf_fuzz_take_byte(&input) & 1) != 0;
    hf_autofd given_fd = make_file(input.at, input.left);
    hf_autofd packed_fd = -1;
    hf_autofd out_fd = -1;

    if (!hf_log_reader_unpack_is_supported())
        return;
    if (!is_ours) {
        g_assert_cmpint(unpack(given_fd, length + 64, &out_fd), !=, HF_LOG_READER_UNPACK_FAILED);
        return;
    }
    packed_fd = make_file(NULL, 0);
    g_assert_true(hf_gzip_file_copy(given_fd, packed_fd));
    g_assert_cmpint(unpack(packed_fd, length + 64, &out_fd), ==, HF_LOG_READER_UNPACK_DONE);
    g_assert_true(hf_log_reader_unpack_is_copy(packed_fd, given_fd));
    g_autofree char *text = g_malloc0(input.left + 1);
    ssize_t size = pread(out_fd, text, input.left + 1, 0);
    g_assert_cmpint(size, >=, 0);
    hf_fuzz_assert_same(text, (size_t)size, input.at, input.left);
}
