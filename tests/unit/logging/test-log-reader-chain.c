/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The reader's look at files while they are renamed. This program has its own openat() and
 * fstatat(), which let a writer go some steps before each call of the reader: every order of the
 * two comes up, and the same again with the same seed. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "logging/gzip-file.h"
#include "logging/log-reader-chain.h"
#include "logging/log-reader-unpack.h"
#include "test-kit.h"

#define FILES_MAX 12
#define ROUNDS 400

/* Rotates for ever, one rename or one new file a step. Each file has its serial number in it. If it
 * compresses, then between rotations, and in two steps: PATH.N.gz is there, PATH.N goes. */
typedef struct {
    char *dir;
    guint next;   /* what is renamed from next - 1 to next; 0: PATH is made */
    guint files;  /* so many there are, PATH included if it is there */
    guint serial; /* of the newest */
    guint steps_max;
    bool compresses;
    guint copied; /* the number of the file that is there in both forms; 0: none */
} Writer;

static Writer *active;

static char *
dup_path(const Writer *self, guint number, const char *suffix)
{
    return number == 0 ? g_strdup_printf("%s/log", self->dir)
                       : g_strdup_printf("%s/log.%u%s", self->dir, number, suffix);
}

static void
make_newest(Writer *self)
{
    g_autofree char *path = dup_path(self, 0, "");
    g_autofree char *text = g_strdup_printf("%u", ++self->serial);
    hf_autofd fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
    self->files++;
    self->next = self->files;
}

static void
rename_next(Writer *self)
{
    g_autofree char *from = dup_path(self, self->next - 1, "");
    g_autofree char *to = dup_path(self, self->next, "");

    if (access(from, F_OK) < 0) {
        g_free(from);
        g_free(to);
        from = dup_path(self, self->next - 1, ".gz");
        to = dup_path(self, self->next, ".gz");
    }
    g_assert_no_errno(rename(from, to));
    self->next--;
}

/* The newest file from the second on that is not compressed yet; 0: none. */
static guint
find_plain(const Writer *self)
{
    for (guint number = 2; number < self->files; number++) {
        g_autofree char *path = dup_path(self, number, "");

        if (access(path, F_OK) == 0)
            return number;
    }
    return 0;
}

static void
make_copy(Writer *self, guint number)
{
    g_autofree char *plain = dup_path(self, number, "");
    g_autofree char *temporary = g_strconcat(self->dir, "/log.gz.tmp", NULL);
    g_autofree char *copy = dup_path(self, number, ".gz");
    hf_autofd in_fd = open(plain, O_RDONLY | O_CLOEXEC);
    hf_autofd out_fd = -1;

    out_fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    g_assert_true(hf_gzip_file_copy(in_fd, out_fd));
    g_assert_no_errno(rename(temporary, copy));
    self->copied = number;
}

static void
remove_copied(Writer *self)
{
    g_autofree char *plain = dup_path(self, self->copied, "");

    g_assert_no_errno(unlink(plain));
    self->copied = 0;
}

static void
go_step(Writer *self)
{
    bool is_idle = self->next == self->files;
    guint plain = self->compresses && is_idle && g_test_rand_bit() ? find_plain(self) : 0;

    if (self->copied > 0)
        remove_copied(self);
    else if (plain > 0)
        make_copy(self, plain);
    else if (self->next == 0)
        make_newest(self);
    else
        rename_next(self);
}

static void
let_writer_go(void)
{
    Writer *writer = g_steal_pointer(&active);

    if (writer == NULL)
        return;
    for (gint32 i = g_test_rand_int_range(0, (gint32)writer->steps_max + 1);
         i > 0 && writer->files < FILES_MAX; i--)
        go_step(writer);
    active = writer;
}

int
openat(int directory_fd, const char *name, int flags, ...)
{
    int (*real)(int, const char *, int, ...) = NULL;
    mode_t mode = 0;
    va_list arguments;

    *(void **)&real = dlsym(RTLD_NEXT, "openat64");
    va_start(arguments, flags);
    if ((flags & O_CREAT) != 0)
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    let_writer_go();
    return real(directory_fd, name, flags, mode);
}

int
fstatat(int directory_fd, const char *name, struct stat *status, int flags)
{
    int (*real)(int, const char *, struct stat *, int) = NULL;

    *(void **)&real = dlsym(RTLD_NEXT, "fstatat64");
    let_writer_go();
    return real(directory_fd, name, status, flags);
}

static guint
read_serial(int fd)
{
    char text[16] = {0};

    g_assert_cmpint(pread(fd, text, sizeof text - 1, 0), >, 0);
    return (guint)g_ascii_strtoull(text, NULL, 10);
}

static guint
read_compressed_serial(int fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HfLogReaderUnpack) unpack = hf_log_reader_unpack_new(fd, &error);
    HfLogReaderUnpackStep step = HF_LOG_READER_UNPACK_MORE;
    hf_autofd plain_fd = -1;

    g_assert_no_error(error);
    while (step == HF_LOG_READER_UNPACK_MORE) {
        size_t length;

        step = hf_log_reader_unpack_step(unpack, &length, &error);
    }
    g_assert_no_error(error);
    g_assert_cmpint(step, ==, HF_LOG_READER_UNPACK_DONE);
    plain_fd = hf_log_reader_unpack_steal_fd(unpack);
    return read_serial(plain_fd);
}

static guint
get_oldest_serial(const HfLogReaderChain *chain)
{
    const HfLogReaderFile *file = hf_log_reader_chain_get_oldest(chain);

    return file->is_compressed ? read_compressed_serial(file->fd) : read_serial(file->fd);
}

/* A writer that has made some files, and a chain that holds the newest. */
static HfLogReaderChain *
begin(Writer *writer, gint32 files, guint steps_max, bool compresses)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    HfLogReaderChain *chain;

    *writer = (Writer){.dir = hf_test_make_dir(), .steps_max = steps_max, .compresses = compresses};
    while (writer->files < (guint)files || writer->next != writer->files)
        go_step(writer);
    path = g_build_filename(writer->dir, "log", NULL);
    chain = hf_log_reader_chain_new(path, false, &error);
    g_assert_no_error(error);
    g_assert_cmpint(hf_log_reader_chain_open_first(chain, &error), ==, HF_LOG_READER_FOUND);
    g_assert_cmpuint(get_oldest_serial(chain), ==, writer->serial);
    return chain;
}

/* Goes to the next newer file, if one is found. */
static HfLogReaderFind
advance(HfLogReaderChain *chain)
{
    g_autoptr(GError) error = NULL;
    guint serial = get_oldest_serial(chain);
    bool is_gap = true;
    HfLogReaderFind result = hf_log_reader_chain_add_newer(chain, &is_gap, &error);

    g_assert_no_error(error);
    g_assert_false(is_gap);
    if (result == HF_LOG_READER_FOUND) {
        hf_log_reader_chain_drop_oldest(chain);
        g_assert_cmpuint(get_oldest_serial(chain), ==, serial + 1);
    }
    return result;
}

static void
go_to_the_newest(bool compresses)
{
    for (guint round = 0; round < ROUNDS; round++) {
        Writer writer;
        HfLogReaderChain *chain =
            begin(&writer, g_test_rand_int_range(1, 4), 1 + round % 6, compresses);

        active = &writer;
        for (guint i = 0; i < 20; i++)
            (void)advance(chain);
        active = NULL;
        while (advance(chain) == HF_LOG_READER_FOUND)
            continue;

        g_assert_cmpuint(get_oldest_serial(chain), ==, writer.serial);
        hf_log_reader_chain_free(chain);
        hf_test_remove_dir(writer.dir);
    }
}

static void
test_newer_file_is_the_next_one_whatever_is_renamed_meanwhile(void)
{
    go_to_the_newest(false);
}

static void
test_newer_file_is_the_next_one_whatever_is_compressed_meanwhile(void)
{
    go_to_the_newest(true);
}

/* Goes to the next older file, if one is found. */
static HfLogReaderFind
go_back(HfLogReaderChain *chain)
{
    g_autoptr(GError) error = NULL;
    guint serial = get_oldest_serial(chain);
    HfLogReaderFind result = hf_log_reader_chain_add_older(chain, &error);

    g_assert_no_error(error);
    if (result == HF_LOG_READER_FOUND)
        g_assert_cmpuint(get_oldest_serial(chain), ==, serial - 1);
    if (result == HF_LOG_READER_NONE)
        g_assert_cmpuint(serial, ==, 1);
    return result;
}

static void
go_to_the_oldest(bool compresses)
{
    for (guint round = 0; round < ROUNDS; round++) {
        Writer writer;
        HfLogReaderChain *chain =
            begin(&writer, g_test_rand_int_range(1, 8), 1 + round % 6, compresses);

        active = &writer;
        while (go_back(chain) != HF_LOG_READER_NONE)
            continue;
        active = NULL;

        g_assert_cmpuint(get_oldest_serial(chain), ==, 1);
        hf_log_reader_chain_free(chain);
        hf_test_remove_dir(writer.dir);
    }
}

static void
test_older_file_is_the_one_before_whatever_is_renamed_meanwhile(void)
{
    go_to_the_oldest(false);
}

static void
test_older_file_is_the_one_before_whatever_is_compressed_meanwhile(void)
{
    go_to_the_oldest(true);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/logging/log-reader-chain/"
                "newer-file-is-the-next-one-whatever-is-renamed-meanwhile",
                test_newer_file_is_the_next_one_whatever_is_renamed_meanwhile);
    hf_test_add("/logging/log-reader-chain/"
                "older-file-is-the-one-before-whatever-is-renamed-meanwhile",
                test_older_file_is_the_one_before_whatever_is_renamed_meanwhile);
    if (hf_log_reader_unpack_is_supported()) {
        hf_test_add("/logging/log-reader-chain/"
                    "newer-file-is-the-next-one-whatever-is-compressed-meanwhile",
                    test_newer_file_is_the_next_one_whatever_is_compressed_meanwhile);
        hf_test_add("/logging/log-reader-chain/"
                    "older-file-is-the-one-before-whatever-is-compressed-meanwhile",
                    test_older_file_is_the_one_before_whatever_is_compressed_meanwhile);
    }
    return g_test_run();
}
