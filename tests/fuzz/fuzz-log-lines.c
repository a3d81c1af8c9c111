/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Lines of logs: what readers take apart, and what a container's bytes become in each format. */

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "fuzz.h"
#include "logging/journal-sink.h"
#include "protocol/cri-line.h"
#include "protocol/json-log-line.h"
#include "protocol/json-log-record.h"
#include "protocol/log-label.h"
#include "protocol/time-stamp.h"
#include "state/json-text.h"

/* What begins a record is torn and not garbage: a writer may have died there. */
void
fuzz_cri_line(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    size_t cut = hf_fuzz_take_byte(&input);
    HfLogLine line = {0};
    HfLogLine other = {0};

    if (hf_cri_line_parse(input.at, input.left, &line) != HF_PARSE_OK)
        return;
    g_assert_true(line.bytes + line.length == input.at + input.left);
    g_assert_cmpint(line.time.tv_nsec, >=, 0);
    g_assert_cmpint(line.time.tv_nsec, <, 1000000000);
    g_assert_true((hf_time_stamp_to_ns(&line.time) < 0) == (line.time.tv_sec < 0));
    size_t prefix = (size_t)(line.bytes - input.at);
    g_assert_cmpint(hf_cri_line_parse(input.at, cut % prefix, &other), ==, HF_PARSE_TORN);
    g_assert_cmpint(hf_cri_line_parse(input.at, prefix, &other), ==, HF_PARSE_OK);
    g_assert_cmpuint(other.length, ==, 0);
}

/* Each byte that is not UTF-8 becomes U+FFFD. */
static GString *
make_valid(const char *bytes, size_t length)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < length;) {
        gunichar c =
            bytes[i] == '\0' ? 0 : g_utf8_get_char_validated(bytes + i, (gssize)(length - i));

        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_unichar(text, 0xFFFD);
            i++;
            continue;
        }
        size_t size = (size_t)g_unichar_to_utf8(c, NULL);
        g_string_append_len(text, bytes + i, (gssize)size);
        i += size;
    }
    return text;
}

static void
check_json_record(const char *bytes, size_t length)
{
    static const char begin[] = "{\"log\":\"";
    static const char end[] = "\\n\",\"stream\":\"stderr\",\"time\":\"2026-01-31T23:59:59.5Z\"}";
    g_autofree char *escaped = g_malloc(HF_JSON_LOG_ESCAPED_MAX(length));
    size_t size = hf_json_log_record_escape(escaped, bytes, length);
    g_autoptr(GString) text = g_string_new(begin);
    g_autoptr(GString) expected = make_valid(bytes, length);
    g_autoptr(GString) scratch = g_string_new(NULL);
    HfLogLine line = {0};

    g_string_append_len(text, escaped, (gssize)size);
    g_string_append(text, end);
    g_autoptr(JsonObject) object = hf_json_text_parse(text->str, text->len, NULL);
    /* What the library's parser does not take, as its strings end at a NUL and mark numbers. */
    if (length == 0 || (memchr(bytes, '\0', length) == NULL && *bytes != *HF_JSON_NUMBER_MARK)) {
        g_assert_nonnull(object);
        g_assert_cmpuint(json_object_get_size(object), ==, 3);
    }
    g_assert_null(strchr(text->str, '\n'));
    g_assert_cmpint(hf_json_log_line_parse(text->str, text->len, scratch, &line), ==, HF_PARSE_OK);
    hf_fuzz_assert_same(line.bytes, line.length, expected->str, expected->len);
    g_assert_false(line.is_partial);
    g_assert_cmpint(line.stream, ==, HF_STREAM_STDERR);
}

static void
check_attributes(HfFuzzInput input)
{
    g_autofree char *tag = hf_fuzz_take_text(&input);
    g_autofree char *label = hf_fuzz_take_text(&input);
    const char *const labels[] = {label, NULL};
    bool has_label = hf_log_label_check(label, NULL);
    g_autofree char *attrs = hf_json_log_record_make_attrs(tag, has_label ? labels : NULL);

    g_autoptr(JsonObject) object = hf_json_text_parse(attrs, strlen(attrs), NULL);
    if (strstr(attrs, HF_JSON_NUMBER_MARK) != NULL)
        return;
    g_assert_nonnull(object);
    g_assert_cmpuint(json_object_get_size(object), ==, has_label ? 2 : 1);
    g_assert_true(json_object_has_member(object, "tag"));
}

void
fuzz_json_log_line(const char *bytes, size_t length)
{
    g_autoptr(GString) scratch = g_string_new(NULL);
    HfFuzzInput input = {bytes, length};
    HfLogLine line = {0};
    size_t cut = hf_fuzz_take_number(&input, 65535);

    if (hf_json_log_line_parse(input.at, input.left, scratch, &line) == HF_PARSE_OK)
        g_assert_cmpint(hf_json_log_line_parse(input.at, cut % input.left, scratch, &line), !=,
                        HF_PARSE_INVALID);
    check_json_record(bytes, length);
    check_attributes((HfFuzzInput){bytes, length});
}

/* A journal of our own. */

static int
bind_journal(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    (void)unlink(path);
    g_assert_cmpint(bind(fd, (const struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

typedef struct {
    const char *name; /* NULL: there are no more */
    size_t name_length;
    const char *value;
    size_t length;
} Field;

/* The native protocol: NAME=VALUE\n, or NAME\n, 64 bits of length, VALUE\n. */
static bool
take_field(HfFuzzInput *datagram, Field *out)
{
    const char *end = datagram->left > 0 ? memchr(datagram->at, '\n', datagram->left) : NULL;
    const char *equals;
    size_t size;

    if (end == NULL)
        return false;
    size = (size_t)(end - datagram->at);
    equals = memchr(datagram->at, '=', size);
    out->name = hf_fuzz_take_bytes(datagram, size + 1, &size);
    if (equals != NULL) {
        out->name_length = (size_t)(equals - out->name);
        out->value = equals + 1;
        out->length = (size_t)(end - equals) - 1;
        return true;
    }
    guint64 length = 0;
    out->name_length = size - 1;
    g_assert_cmpuint(datagram->left, >, sizeof length);
    memcpy(&length, hf_fuzz_take_bytes(datagram, sizeof length, &size), sizeof length);
    out->length = GUINT64_FROM_LE(length);
    g_assert_cmpuint(datagram->left, >, out->length);
    out->value = hf_fuzz_take_bytes(datagram, out->length, &size);
    g_assert_cmpint(*hf_fuzz_take_bytes(datagram, 1, &size), ==, '\n');
    return true;
}

/* Each field is there as often as it was put, with its value, and no other is. */
static void
check_field(HfFuzzInput datagram, const char *name, const char *value, size_t length, guint *count)
{
    Field field;
    guint found = 0;

    while (take_field(&datagram, &field)) {
        if (field.name_length == strlen(name) && memcmp(field.name, name, strlen(name)) == 0 &&
            field.length == length && memcmp(field.value, value, length) == 0)
            found++;
    }
    g_assert_cmpuint(datagram.left, ==, 0);
    g_assert_cmpuint(found, >=, 1);
    *count += 1;
}

static guint
count_fields(HfFuzzInput datagram)
{
    Field field;
    guint count = 0;

    while (take_field(&datagram, &field))
        count++;
    return count;
}

static void
check_datagram(HfFuzzInput datagram, const HfJournalOptions *options, const HfLogRecord *record)
{
    guint count = 0;
    g_autofree char *short_id = g_strndup(options->container_id, 12);

    check_field(datagram, "MESSAGE", record->bytes, record->length, &count);
    check_field(datagram, "PRIORITY", "3", 1, &count);
    check_field(datagram, "CONTAINER_PARTIAL_MESSAGE", "true", 4, &count);
    check_field(datagram, "CONTAINER_ID", short_id, strlen(short_id), &count);
    check_field(datagram, "CONTAINER_ID_FULL", options->container_id, strlen(options->container_id),
                &count);
    check_field(datagram, "CONTAINER_NAME", options->container_name,
                strlen(options->container_name), &count);
    check_field(datagram, "CONTAINER_TAG", options->tag, strlen(options->tag), &count);
    check_field(datagram, "SYSLOG_IDENTIFIER", options->tag, strlen(options->tag), &count);
    if (options->labels != NULL) {
        const char *equals = strchr(options->labels[0], '=');
        g_autofree char *name = g_strndup(options->labels[0], (gsize)(equals - options->labels[0]));

        check_field(datagram, name, equals + 1, strlen(equals + 1), &count);
    }
    g_assert_cmpuint(count_fields(datagram), ==, count);
}

/* No byte of a container, a name or a label becomes a field of its own. */
void
fuzz_journal_fields(const char *bytes, size_t length)
{
    HfFuzzInput input = {bytes, length};
    g_autofree char *path = g_build_filename(hf_fuzz_get_dir(), "journal", NULL);
    g_autofree char *id = hf_fuzz_take_text(&input);
    g_autofree char *name = hf_fuzz_take_text(&input);
    g_autofree char *tag = hf_fuzz_take_text(&input);
    g_autofree char *label = hf_fuzz_take_text(&input);
    const char *const labels[] = {label, NULL};
    const HfJournalOptions options = {
        .socket_path = path,
        .container_id = id,
        .container_name = name,
        .tag = tag,
        .labels = hf_log_label_check(label, NULL) ? labels : NULL,
        .mark_partial = true,
    };
    const HfLogRecord record = {
        .stream = HF_STREAM_STDERR, .is_partial = true, .bytes = input.at, .length = input.left};
    hf_autofd fd = bind_journal(path);
    g_autoptr(HfLogSink) sink = hf_journal_sink_new(&options, NULL);
    char datagram[65536];
    ssize_t size;

    g_assert_nonnull(sink);
    sink->klass->append(sink, &record);
    g_assert_cmpint(sink->klass->flush(sink, NULL), ==, HF_IO_DATA);
    size = recv(fd, datagram, sizeof datagram, 0);
    g_assert_cmpint(size, >, 0);
    check_datagram((HfFuzzInput){datagram, (size_t)size}, &options, &record);
}
