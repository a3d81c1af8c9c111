/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <glib.h>

#include "base/atomic-file.h"
#include "base/fd.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    int dir_fd;
} Place;

static Place
place_make(void)
{
    Place self = {.dir = hf_test_make_dir()};

    self.dir_fd = open(self.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(self.dir_fd, >=, 0);
    return self;
}

static void
place_clear(Place *self)
{
    hf_close_fd(&self->dir_fd);
    g_clear_pointer(&self->dir, hf_test_remove_dir);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static guint
count_names(const Place *place)
{
    g_autoptr(GDir) dir = g_dir_open(place->dir, 0, NULL);
    guint count = 0;

    g_assert_nonnull(dir);
    while (g_dir_read_name(dir) != NULL)
        count++;
    return count;
}

static void
assert_only_file_is(const Place *place, const char *name, const char *text)
{
    g_autofree char *found = hf_test_read_file(place->dir, name);

    g_assert_cmpstr(found, ==, text);
    g_assert_cmpuint(count_names(place), ==, 1);
}

static bool
write_text(const Place *place, const char *text)
{
    return hf_atomic_file_write_at(place->dir_fd, "file", text, strlen(text), 0644, NULL);
}

static void
test_new_file_has_the_bytes(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_atomic_file_write_at(place.dir_fd, "file", "137", 3, 0644, &error));

    g_assert_no_error(error);
    assert_only_file_is(&place, "file", "137");
}

static void
test_path_is_taken_as_it_is(void)
{
    g_auto(Place) place = place_make();
    g_autofree char *path = g_build_filename(place.dir, "file", NULL);

    g_assert_true(hf_atomic_file_write_at(AT_FDCWD, path, "", 0, 0644, NULL));

    assert_only_file_is(&place, "file", "");
}

static void
test_old_file_is_replaced_for_those_who_open_it_next(void)
{
    g_auto(Place) place = place_make();
    char buffer[16];

    g_assert_true(write_text(&place, "old"));
    hf_autofd old_fd = openat(place.dir_fd, "file", O_RDONLY | O_CLOEXEC);
    g_assert_true(write_text(&place, "newer"));

    assert_only_file_is(&place, "file", "newer");
    g_assert_cmpint(read(old_fd, buffer, sizeof buffer), ==, 3);
    g_assert_cmpmem(buffer, 3, "old", 3);
}

static int
write_under_a_strict_umask(gpointer user_data)
{
    const Place *place = user_data;

    (void)umask(0777);
    return hf_atomic_file_write_at(place->dir_fd, "file", "x", 1, 0664, NULL) ? 0 : 1;
}

static void
test_mode_is_the_one_asked_for_whatever_the_umask(void)
{
    g_auto(Place) place = place_make();
    struct stat status;

    g_assert_cmpint(hf_test_run_in_child(write_under_a_strict_umask, &place), ==, 0);

    g_assert_cmpint(fstatat(place.dir_fd, "file", &status, 0), ==, 0);
    g_assert_cmpint(status.st_mode & 07777, ==, 0664);
}

static void
test_watcher_sees_one_event_for_a_new_name(void)
{
    g_auto(Place) place = place_make();
    hf_autofd watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    union {
        struct inotify_event event;
        char bytes[4096];
    } buffer;

    g_assert_cmpint(inotify_add_watch(watch_fd, place.dir, IN_CREATE | IN_MOVED_TO), >=, 0);
    g_assert_true(write_text(&place, "137"));
    ssize_t size = read(watch_fd, &buffer, sizeof buffer);

    g_assert_cmpint(size, ==, sizeof buffer.event + buffer.event.len);
    g_assert_cmpuint(buffer.event.mask, ==, IN_CREATE);
    g_assert_cmpstr(buffer.event.name, ==, "file");
}

static void
test_missing_directory_is_an_error_that_names_the_file(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_atomic_file_write_at(place.dir_fd, "no/file", "x", 1, 0644, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_nonnull(strstr(error->message, "'no/file'"));
}

static void
test_name_of_a_directory_is_an_error_and_leaves_nothing(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(mkdirat(place.dir_fd, "file", 0700), ==, 0);
    g_assert_false(hf_atomic_file_write_at(place.dir_fd, "file", "x", 1, 0644, &error));

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ISDIR);
    g_assert_cmpuint(count_names(&place), ==, 1);
}

static int
write_more_than_the_limit(gpointer user_data)
{
    const Place *place = user_data;
    const struct rlimit limit = {4096, 4096};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    g_autofree char *bytes = g_malloc0(10000);

    /* The first write(2) is cut at the limit, the second fails: a file torn in the middle. */
    if (sigaction(SIGXFSZ, &ignore, NULL) < 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 2;
    return hf_atomic_file_write_at(place->dir_fd, "file", bytes, 10000, 0644, NULL) ? 1 : 0;
}

static void
test_torn_write_leaves_the_old_file(void)
{
    g_auto(Place) place = place_make();

    g_assert_true(write_text(&place, "old"));
    g_assert_cmpint(hf_test_run_in_child(write_more_than_the_limit, &place), ==, 0);

    assert_only_file_is(&place, "file", "old");
}

/* A file system without O_TMPFILE, as the kernel would say it. */
static bool
forbid_unnamed_files(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_TMPFILE & ~O_DIRECTORY, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EOPNOTSUPP),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

#define NO_SECCOMP 77

static int
write_without_unnamed_files(gpointer user_data)
{
    if (!forbid_unnamed_files())
        return NO_SECCOMP;
    return write_text(user_data, "first") && write_text(user_data, "second") ? 0 : 1;
}

static void
test_file_system_without_unnamed_files(void)
{
    g_auto(Place) place = place_make();

    int status = hf_test_run_in_child(write_without_unnamed_files, &place);

    if (status == NO_SECCOMP)
        return g_test_skip("no seccomp filters here");
    g_assert_cmpint(status, ==, 0);
    assert_only_file_is(&place, "file", "second");
}

static int
tear_without_unnamed_files(gpointer user_data)
{
    return forbid_unnamed_files() ? write_more_than_the_limit(user_data) : NO_SECCOMP;
}

static void
test_torn_write_without_unnamed_files_leaves_the_old_file(void)
{
    g_auto(Place) place = place_make();

    g_assert_true(write_text(&place, "old"));
    int status = hf_test_run_in_child(tear_without_unnamed_files, &place);

    if (status == NO_SECCOMP)
        return g_test_skip("no seccomp filters here");
    g_assert_cmpint(status, ==, 0);
    assert_only_file_is(&place, "file", "old");
}

static void
test_durable_file_has_the_bytes_too(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_atomic_file_write_durable_at(place.dir_fd, "file", "137", 3, 0644, &error));

    g_assert_no_error(error);
    assert_only_file_is(&place, "file", "137");
}

/* A disk that fails when it is to be waited for. */
static bool
make_fsync_fail(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fsync, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = G_N_ELEMENTS(code), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int
write_to_a_failing_disk(gpointer user_data)
{
    const Place *place = user_data;
    g_autoptr(GError) error = NULL;

    if (!make_fsync_fail())
        return NO_SECCOMP;
    if (hf_atomic_file_write_durable_at(place->dir_fd, "file", "new", 3, 0644, &error))
        return 1;
    /* What does not wait for the disk does not notice. */
    return g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_IO) &&
                   hf_atomic_file_write_at(place->dir_fd, "other", "x", 1, 0644, NULL)
               ? 0
               : 2;
}

static void
test_disk_that_fails_leaves_the_old_file(void)
{
    g_auto(Place) place = place_make();

    g_assert_true(write_text(&place, "old"));
    int status = hf_test_run_in_child(write_to_a_failing_disk, &place);

    if (status == NO_SECCOMP)
        return g_test_skip("no seccomp filters here");
    g_assert_cmpint(status, ==, 0);
    g_autofree char *found = hf_test_read_file(place.dir, "file");
    g_assert_cmpstr(found, ==, "old");
    g_assert_cmpuint(count_names(&place), ==, 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/atomic-file/new-file-has-the-bytes", test_new_file_has_the_bytes);
    hf_test_add("/base/atomic-file/path-is-taken-as-it-is", test_path_is_taken_as_it_is);
    hf_test_add("/base/atomic-file/old-file-is-replaced-for-those-who-open-it-next",
                test_old_file_is_replaced_for_those_who_open_it_next);
    hf_test_add("/base/atomic-file/mode-is-the-one-asked-for-whatever-the-umask",
                test_mode_is_the_one_asked_for_whatever_the_umask);
    hf_test_add("/base/atomic-file/watcher-sees-one-event-for-a-new-name",
                test_watcher_sees_one_event_for_a_new_name);
    hf_test_add("/base/atomic-file/missing-directory-is-an-error-that-names-the-file",
                test_missing_directory_is_an_error_that_names_the_file);
    hf_test_add("/base/atomic-file/name-of-a-directory-is-an-error-and-leaves-nothing",
                test_name_of_a_directory_is_an_error_and_leaves_nothing);
    hf_test_add("/base/atomic-file/torn-write-leaves-the-old-file",
                test_torn_write_leaves_the_old_file);
    hf_test_add("/base/atomic-file/file-system-without-unnamed-files",
                test_file_system_without_unnamed_files);
    hf_test_add("/base/atomic-file/torn-write-without-unnamed-files-leaves-the-old-file",
                test_torn_write_without_unnamed_files_leaves_the_old_file);
    hf_test_add("/base/atomic-file/durable-file-has-the-bytes-too",
                test_durable_file_has_the_bytes_too);
    hf_test_add("/base/atomic-file/disk-that-fails-leaves-the-old-file",
                test_disk_that_fails_leaves_the_old_file);
    return g_test_run();
}
