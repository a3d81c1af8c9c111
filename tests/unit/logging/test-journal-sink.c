/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The other side is a datagram socket in a temporary directory, and a reader of the protocol that
 * refuses what journald would not take as it is meant. */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "logging/journal-sink.h"
#include "test-kit.h"

#define ID "0123456789abcdef0123456789abcdef"
#define SHORT_ID "0123456789ab"
#define DATAGRAM_MAX (1024 * 1024)
/* More than a socket of this machine may buffer. */
#define HUGE_LENGTH (9 * 1024 * 1024)

typedef struct {
    char *dir;
    char *path;
    int fd;
} Journal;

static void
journal_listen(Journal *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)unlink(self->path);
    g_strlcpy(address.sun_path, self->path, sizeof address.sun_path);
    self->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(self->fd, >=, 0);
    g_assert_cmpint(bind(self->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
}

static void
journal_stop(Journal *self)
{
    hf_close_fd(&self->fd);
    g_assert_cmpint(unlink(self->path), ==, 0);
}

static Journal
journal_prepare(void)
{
    Journal self = {.dir = hf_test_make_dir(), .fd = -1};

    self.path = g_build_filename(self.dir, "socket", NULL);
    return self;
}

static Journal
journal_start(void)
{
    Journal self = journal_prepare();

    journal_listen(&self);
    return self;
}

static void
journal_clear(Journal *self)
{
    hf_close_fd(&self->fd);
    g_free(self->path);
    hf_test_remove_dir(self->dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Journal, journal_clear)

/* A record: name to value (GBytes). A name that comes twice fails the test. */
static GHashTable *
parse_record(const char *bytes, size_t length)
{
    GHashTable *record =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_bytes_unref);
    const char *at = bytes;
    const char *end = bytes + length;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        g_assert_nonnull(newline);
        const char *equals = memchr(at, '=', (size_t)(newline - at));
        const char *name_end = equals != NULL ? equals : newline;
        const char *value = equals != NULL ? equals + 1 : newline + 1 + sizeof(guint64);
        guint64 size = (guint64)(newline - value);

        if (equals == NULL) {
            g_assert_cmpint(end - newline, >, sizeof size + 1);
            memcpy(&size, newline + 1, sizeof size);
            size = GUINT64_FROM_LE(size);
            g_assert_cmpuint(size, <, (guint64)(end - value));
            g_assert_cmpint(value[size], ==, '\n');
        }
        g_assert_true(g_hash_table_insert(record, g_strndup(at, (gsize)(name_end - at)),
                                          g_bytes_new(value, size)));
        at = value + size + 1;
    }
    return record;
}

static GHashTable *
parse_file(int fd)
{
    struct stat status;

    g_assert_cmpint(fcntl(fd, F_GET_SEALS), ==,
                    F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
    g_assert_cmpint(fstat(fd, &status), ==, 0);
    char *bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    g_assert_true(bytes != MAP_FAILED);
    GHashTable *record = parse_record(bytes, (size_t)status.st_size);
    g_assert_cmpint(munmap(bytes, (size_t)status.st_size), ==, 0);
    return record;
}

/* NULL if none has come. */
static GHashTable *
journal_read(Journal *self)
{
    g_autofree char *bytes = g_malloc(DATAGRAM_MAX);
    struct iovec part = {.iov_base = bytes, .iov_len = DATAGRAM_MAX};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    ssize_t n = recvmsg(self->fd, &message, MSG_CMSG_CLOEXEC);

    if (n < 0)
        return NULL;
    g_assert_cmpint(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC), ==, 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL)
        return parse_record(bytes, (size_t)n);

    hf_autofd fd = -1;
    g_assert_cmpint(n, ==, 0);
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return parse_file(fd);
}

static void
assert_value(GHashTable *record, const char *name, const char *expected, size_t length)
{
    g_autoptr(GBytes) wanted = g_bytes_new(expected, length);
    GBytes *value = g_hash_table_lookup(record, name);

    g_assert_nonnull(value);
    g_assert_cmpuint(g_bytes_get_size(value), ==, length);
    g_assert_true(g_bytes_equal(value, wanted));
}

static void
assert_field(GHashTable *record, const char *name, const char *expected)
{
    assert_value(record, name, expected, strlen(expected));
}

static void
assert_message(Journal *journal, const char *expected)
{
    g_autoptr(GHashTable) record = journal_read(journal);

    g_assert_nonnull(record);
    assert_field(record, "MESSAGE", expected);
}

static void
assert_nothing_more(Journal *journal)
{
    g_assert_null(journal_read(journal));
}

static HfLogSink *
make_sink(const Journal *journal, HfJournalOptions options)
{
    g_autoptr(GError) error = NULL;

    options.socket_path = journal->path;
    if (options.container_id == NULL)
        options.container_id = ID;
    HfLogSink *sink = hf_journal_sink_new(&options, &error);

    g_assert_no_error(error);
    g_assert_nonnull(sink);
    return sink;
}

static void
append_bytes(HfLogSink *sink, HfStream stream, bool is_partial, const char *bytes, size_t length)
{
    HfLogRecord record = {
        .stream = stream,
        .is_partial = is_partial,
        .bytes = bytes,
        .length = length,
    };

    sink->klass->append(sink, &record);
}

static void
append_line(HfLogSink *sink, const char *line)
{
    append_bytes(sink, HF_STREAM_STDOUT, false, line, strlen(line));
}

static HfIoResult
flush(HfLogSink *sink)
{
    g_autoptr(GError) error = NULL;
    HfIoResult result = sink->klass->flush(sink, &error);

    g_assert_true((result == HF_IO_FAILED) == (error != NULL));
    return result;
}

static void
flush_all(HfLogSink *sink)
{
    g_assert_cmpint(flush(sink), ==, HF_IO_DATA);
    g_assert_cmpuint(sink->klass->get_pending(sink), ==, 0);
}

static void
send_line(HfLogSink *sink, const char *line)
{
    append_line(sink, line);
    flush_all(sink);
}

static void
test_line_has_the_fields_that_readers_expect(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink =
        make_sink(&journal, (HfJournalOptions){.container_name = "web", .tag = "my tag"});

    send_line(sink, "hello");
    g_autoptr(GHashTable) record = journal_read(&journal);

    g_assert_nonnull(record);
    assert_field(record, "MESSAGE", "hello");
    assert_field(record, "PRIORITY", "6");
    assert_field(record, "CONTAINER_ID_FULL", ID);
    assert_field(record, "CONTAINER_ID", SHORT_ID);
    assert_field(record, "CONTAINER_NAME", "web");
    assert_field(record, "CONTAINER_TAG", "my tag");
    assert_field(record, "SYSLOG_IDENTIFIER", "my tag");
    g_assert_cmpuint(g_hash_table_size(record), ==, 7);
    assert_nothing_more(&journal);
}

static void
test_stderr_is_priority_3(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_bytes(sink, HF_STREAM_STDERR, false, "oops", 4);
    flush_all(sink);
    g_autoptr(GHashTable) record = journal_read(&journal);

    g_assert_nonnull(record);
    assert_field(record, "PRIORITY", "3");
}

static void
test_identifier_is_tag_then_name_then_short_id(void)
{
    static const struct {
        const char *name;
        const char *tag;
        const char *identifier;
        guint fields;
    } cases[] = {
        {NULL, NULL, SHORT_ID, 5},
        {"web", NULL, "web", 6},
        {NULL, "tag", "tag", 6},
        {"web", "tag", "tag", 7},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Journal) journal = journal_start();
        g_autoptr(HfLogSink) sink = make_sink(
            &journal, (HfJournalOptions){.container_name = cases[i].name, .tag = cases[i].tag});

        send_line(sink, "x");
        g_autoptr(GHashTable) record = journal_read(&journal);

        g_assert_nonnull(record);
        assert_field(record, "SYSLOG_IDENTIFIER", cases[i].identifier);
        g_assert_cmpuint(g_hash_table_size(record), ==, cases[i].fields);
    }
}

static void
test_short_container_id_is_kept_whole(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){.container_id = "web1"});

    send_line(sink, "x");
    g_autoptr(GHashTable) record = journal_read(&journal);

    assert_field(record, "CONTAINER_ID_FULL", "web1");
    assert_field(record, "CONTAINER_ID", "web1");
}

static void
test_partial_record_is_marked_if_wanted(void)
{
    for (int mark = 0; mark <= 1; mark++) {
        g_auto(Journal) journal = journal_start();
        g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){.mark_partial = mark});

        append_bytes(sink, HF_STREAM_STDOUT, true, "piece", 5);
        append_bytes(sink, HF_STREAM_STDOUT, false, "end", 3);
        flush_all(sink);
        g_autoptr(GHashTable) piece = journal_read(&journal);
        g_autoptr(GHashTable) end = journal_read(&journal);

        g_assert_cmpint(g_hash_table_contains(piece, "CONTAINER_PARTIAL_MESSAGE"), ==, mark);
        g_assert_false(g_hash_table_contains(end, "CONTAINER_PARTIAL_MESSAGE"));
        if (mark)
            assert_field(piece, "CONTAINER_PARTIAL_MESSAGE", "true");
    }
}

static void
test_labels_are_fields(void)
{
    static const char *const labels[] = {"TEAM=blue", "EMPTY=", "TWO_LINES=a\nPRIORITY:0\nb", NULL};
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){.labels = labels});

    send_line(sink, "x");
    g_autoptr(GHashTable) record = journal_read(&journal);

    assert_field(record, "TEAM", "blue");
    assert_field(record, "EMPTY", "");
    assert_field(record, "TWO_LINES", "a\nPRIORITY:0\nb");
    g_assert_cmpuint(g_hash_table_size(record), ==, 8);
}

static void
test_name_with_a_newline_forges_no_field(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink =
        make_sink(&journal, (HfJournalOptions){.container_name = "web\nFORGED=1"});

    send_line(sink, "x");
    g_autoptr(GHashTable) record = journal_read(&journal);

    assert_field(record, "CONTAINER_NAME", "web\nFORGED=1");
    g_assert_false(g_hash_table_contains(record, "FORGED"));
}

static void
test_malformed_label_is_refused(void)
{
    static const char *const labels[] = {"lower=1", NULL};
    HfJournalOptions options = {.container_id = ID, .labels = labels};
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_journal_sink_new(&options, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_overlong_socket_path_is_refused(void)
{
    g_autofree char *path = g_strnfill(108, 'x');
    HfJournalOptions options = {.container_id = ID, .socket_path = path};
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_journal_sink_new(&options, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
test_any_bytes_of_the_container_stay_one_message(void)
{
    static const struct {
        const char *bytes;
        size_t length;
    } cases[] = {
        {"", 0},    {"\0", 1},           {"a\0b\r", 4}, {"x\nPRIORITY=0\nFORGED=1\n", 22},
        {"=\n", 2}, {"\xff\xfe\x80", 3},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(Journal) journal = journal_start();
        g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

        append_bytes(sink, HF_STREAM_STDOUT, false, cases[i].bytes, cases[i].length);
        flush_all(sink);
        g_autoptr(GHashTable) record = journal_read(&journal);

        assert_value(record, "MESSAGE", cases[i].bytes, cases[i].length);
        g_assert_cmpuint(g_hash_table_size(record), ==, 5);
    }
}

static void
test_huge_message_goes_as_a_sealed_file(void)
{
    g_autofree char *huge = g_strnfill(HUGE_LENGTH, 'h');
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_line(sink, "before");
    append_line(sink, huge);
    send_line(sink, "after");

    assert_message(&journal, "before");
    assert_message(&journal, huge);
    assert_message(&journal, "after");
    assert_nothing_more(&journal);
}

static void
test_full_socket_keeps_every_record_in_order(void)
{
    guint appended = 0;
    guint received = 0;
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    HfIoResult result = HF_IO_DATA;
    while (result == HF_IO_DATA) {
        g_autofree char *line = g_strdup_printf("line %u", appended++);
        append_line(sink, line);
        result = flush(sink);
    }
    g_assert_cmpint(result, ==, HF_IO_AGAIN);
    for (guint i = 0; i < 100; i++) {
        g_autofree char *line = g_strdup_printf("line %u", appended++);
        append_line(sink, line);
    }
    while (received < appended) {
        g_autofree char *line = g_strdup_printf("line %u", received++);
        assert_message(&journal, line);
        result = flush(sink);
        g_assert_cmpint(result, !=, HF_IO_FAILED);
    }

    g_assert_cmpint(result, ==, HF_IO_DATA);
    g_assert_cmpuint(sink->klass->get_pending(sink), ==, 0);
    assert_nothing_more(&journal);
}

static void
test_huge_message_waits_while_the_socket_is_full(void)
{
    g_autofree char *huge = g_strnfill(HUGE_LENGTH, 'h');
    guint fillers = 0;
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    do {
        append_line(sink, "filler");
        fillers++;
    } while (flush(sink) == HF_IO_DATA);
    append_line(sink, huge);
    g_assert_cmpint(flush(sink), ==, HF_IO_AGAIN);
    while (fillers-- > 0) {
        assert_message(&journal, "filler");
        (void)flush(sink);
    }
    flush_all(sink);

    assert_message(&journal, huge);
}

static void
test_records_wait_for_a_journal_that_is_not_there(void)
{
    g_autoptr(GError) error = NULL;
    g_auto(Journal) journal = journal_prepare();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_line(sink, "early");
    g_assert_cmpint(sink->klass->flush(sink, &error), ==, HF_IO_FAILED);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpuint(sink->klass->get_pending(sink), >, strlen("early"));
    journal_listen(&journal);
    send_line(sink, "late");

    assert_message(&journal, "early");
    assert_message(&journal, "late");
}

static void
test_restarted_journal_is_found_within_one_flush(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    send_line(sink, "first");
    assert_message(&journal, "first");
    journal_stop(&journal);
    journal_listen(&journal);
    send_line(sink, "second");

    assert_message(&journal, "second");
    assert_nothing_more(&journal);
}

static void
test_stopped_journal_loses_nothing(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    send_line(sink, "before");
    assert_message(&journal, "before");
    journal_stop(&journal);
    append_line(sink, "meanwhile");
    g_assert_cmpint(flush(sink), ==, HF_IO_FAILED);
    g_assert_cmpint(flush(sink), ==, HF_IO_FAILED);
    journal_listen(&journal);
    flush_all(sink);

    assert_message(&journal, "meanwhile");
}

static void
test_dropped_records_are_told_of_before_the_next(void)
{
    g_autofree char *expected = NULL;
    g_auto(Journal) journal = journal_prepare();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_line(sink, "lost");
    append_line(sink, "lost too");
    g_assert_cmpint(flush(sink), ==, HF_IO_FAILED);
    sink->klass->drop_pending(sink);
    append_line(sink, "kept");
    journal_listen(&journal);
    flush_all(sink);

    expected = g_strdup_printf("holdfast: 12 bytes in 2 records were not logged: connect to '%s': "
                               "No such file or directory",
                               journal.path);
    g_autoptr(GHashTable) report = journal_read(&journal);
    assert_field(report, "MESSAGE", expected);
    assert_field(report, "PRIORITY", "3");
    assert_message(&journal, "kept");
    assert_nothing_more(&journal);
}

static void
test_dropping_again_adds_up(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_line(sink, "123");
    append_line(sink, "45");
    sink->klass->drop_pending(sink);
    append_line(sink, "6");
    sink->klass->drop_pending(sink);
    sink->klass->drop_pending(sink);
    flush_all(sink);

    assert_message(&journal,
                   "holdfast: 6 bytes in 3 records were not logged: the journal is too slow");
    assert_nothing_more(&journal);
}

static void
test_dropping_nothing_tells_nothing(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    sink->klass->drop_pending(sink);
    flush_all(sink);

    assert_nothing_more(&journal);
}

static void
test_priority_prefix_counts_at_a_lines_start(void)
{
    static const struct {
        HfStream stream;
        bool is_partial;
        const char *bytes;
        const char *message;
        const char *priority;
    } cases[] = {
        {HF_STREAM_STDOUT, false, "<0>loud", "loud", "0"},
        {HF_STREAM_STDERR, false, "<7>low", "low", "7"},
        {HF_STREAM_STDOUT, false, "<8>none", "<8>none", "6"},
        {HF_STREAM_STDERR, false, "<7", "<7", "3"},
        {HF_STREAM_STDOUT, false, "<4>", "", "4"},
        {HF_STREAM_STDOUT, true, "<2>begin", "begin", "2"},
        {HF_STREAM_STDERR, false, "other", "other", "3"},
        {HF_STREAM_STDOUT, true, "<5>middle", "<5>middle", "2"},
        {HF_STREAM_STDOUT, false, "<5>end", "<5>end", "2"},
        {HF_STREAM_STDOUT, false, "next", "next", "6"},
    };
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){.priority_prefix = true});

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        append_bytes(sink, cases[i].stream, cases[i].is_partial, cases[i].bytes,
                     strlen(cases[i].bytes));
        flush_all(sink);
        g_autoptr(GHashTable) record = journal_read(&journal);

        g_test_message("case %u: %s", i, cases[i].bytes);
        assert_field(record, "MESSAGE", cases[i].message);
        assert_field(record, "PRIORITY", cases[i].priority);
    }
}

static void
test_priority_prefix_is_text_unless_asked_for(void)
{
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    send_line(sink, "<0>loud");
    g_autoptr(GHashTable) record = journal_read(&journal);

    assert_field(record, "MESSAGE", "<0>loud");
    assert_field(record, "PRIORITY", "6");
}

static void
test_reopen_needs_a_journal(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) second_error = NULL;
    g_auto(Journal) journal = journal_prepare();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    g_assert_false(sink->klass->reopen(sink, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    journal_listen(&journal);
    g_assert_true(sink->klass->reopen(sink, &second_error));

    g_assert_no_error(second_error);
    g_assert_cmpint(sink->klass->get_sync_fd(sink), ==, -1);
}

/* A journal that moved to a new socket while the old one is still open somewhere. */
static void
test_reopen_leaves_the_old_socket(void)
{
    g_autoptr(GError) error = NULL;
    g_auto(Journal) journal = journal_start();
    hf_autofd old_fd = -1;
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    send_line(sink, "old");
    old_fd = hf_steal_fd(&journal.fd);
    journal_listen(&journal);
    g_assert_true(sink->klass->reopen(sink, &error));
    send_line(sink, "new");

    assert_message(&journal, "new");
    assert_nothing_more(&journal);
}

static void
test_memory_is_given_back_and_taken_again(void)
{
    g_autofree char *line = g_strnfill(100000, 'x');
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    append_line(sink, line);
    sink->klass->release_memory(sink);
    flush_all(sink);
    assert_message(&journal, line);
    sink->klass->release_memory(sink);
    send_line(sink, "small");

    assert_message(&journal, "small");
}

/* Any mixture of sizes, appends, flushes and reads keeps all records and their order. */
static void
test_random_traffic_arrives_whole_and_in_order(void)
{
    guint appended = 0;
    guint received = 0;
    g_auto(Journal) journal = journal_start();
    g_autoptr(HfLogSink) sink = make_sink(&journal, (HfJournalOptions){0});

    while (received < 3000) {
        for (int burst = g_test_rand_int_range(0, 20); burst > 0 && appended < 3000; burst--) {
            g_autofree char *fill = g_strnfill((gsize)g_test_rand_int_range(0, 5000), 'f');
            g_autofree char *line = g_strdup_printf("%u %s", appended++, fill);
            append_line(sink, line);
        }
        g_assert_cmpint(flush(sink), !=, HF_IO_FAILED);
        for (int reads = g_test_rand_int_range(0, 20); reads > 0; reads--) {
            g_autoptr(GHashTable) record = journal_read(&journal);
            if (record == NULL)
                break;
            GBytes *message = g_hash_table_lookup(record, "MESSAGE");
            g_autofree char *text =
                g_strndup(g_bytes_get_data(message, NULL), g_bytes_get_size(message));
            g_assert_cmpuint((guint)g_ascii_strtoull(text, NULL, 10), ==, received);
            received++;
        }
    }

    g_assert_cmpuint(sink->klass->get_pending(sink), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/journal-sink/line-has-the-fields-that-readers-expect",
                test_line_has_the_fields_that_readers_expect);
    hf_test_add("/logging/journal-sink/stderr-is-priority-3", test_stderr_is_priority_3);
    hf_test_add("/logging/journal-sink/identifier-is-tag-then-name-then-short-id",
                test_identifier_is_tag_then_name_then_short_id);
    hf_test_add("/logging/journal-sink/short-container-id-is-kept-whole",
                test_short_container_id_is_kept_whole);
    hf_test_add("/logging/journal-sink/partial-record-is-marked-if-wanted",
                test_partial_record_is_marked_if_wanted);
    hf_test_add("/logging/journal-sink/labels-are-fields", test_labels_are_fields);
    hf_test_add("/logging/journal-sink/name-with-a-newline-forges-no-field",
                test_name_with_a_newline_forges_no_field);
    hf_test_add("/logging/journal-sink/malformed-label-is-refused",
                test_malformed_label_is_refused);
    hf_test_add("/logging/journal-sink/overlong-socket-path-is-refused",
                test_overlong_socket_path_is_refused);
    hf_test_add("/logging/journal-sink/any-bytes-of-the-container-stay-one-message",
                test_any_bytes_of_the_container_stay_one_message);
    hf_test_add("/logging/journal-sink/huge-message-goes-as-a-sealed-file",
                test_huge_message_goes_as_a_sealed_file);
    hf_test_add("/logging/journal-sink/full-socket-keeps-every-record-in-order",
                test_full_socket_keeps_every_record_in_order);
    hf_test_add("/logging/journal-sink/huge-message-waits-while-the-socket-is-full",
                test_huge_message_waits_while_the_socket_is_full);
    hf_test_add("/logging/journal-sink/records-wait-for-a-journal-that-is-not-there",
                test_records_wait_for_a_journal_that_is_not_there);
    hf_test_add("/logging/journal-sink/restarted-journal-is-found-within-one-flush",
                test_restarted_journal_is_found_within_one_flush);
    hf_test_add("/logging/journal-sink/stopped-journal-loses-nothing",
                test_stopped_journal_loses_nothing);
    hf_test_add("/logging/journal-sink/dropped-records-are-told-of-before-the-next",
                test_dropped_records_are_told_of_before_the_next);
    hf_test_add("/logging/journal-sink/dropping-again-adds-up", test_dropping_again_adds_up);
    hf_test_add("/logging/journal-sink/dropping-nothing-tells-nothing",
                test_dropping_nothing_tells_nothing);
    hf_test_add("/logging/journal-sink/priority-prefix-counts-at-a-lines-start",
                test_priority_prefix_counts_at_a_lines_start);
    hf_test_add("/logging/journal-sink/priority-prefix-is-text-unless-asked-for",
                test_priority_prefix_is_text_unless_asked_for);
    hf_test_add("/logging/journal-sink/reopen-needs-a-journal", test_reopen_needs_a_journal);
    hf_test_add("/logging/journal-sink/reopen-leaves-the-old-socket",
                test_reopen_leaves_the_old_socket);
    hf_test_add("/logging/journal-sink/memory-is-given-back-and-taken-again",
                test_memory_is_given_back_and_taken_again);
    hf_test_add("/logging/journal-sink/random-traffic-arrives-whole-and-in-order",
                test_random_traffic_arrives_whole_and_in_order);
    return g_test_run();
}
