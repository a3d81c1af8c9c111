/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <holdfast/types.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/state-dir.h"
#include "test-kit.h"

static int
open_test_dir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    return fd;
}

static void
test_good_ids_pass(void)
{
    g_autofree char *longest = g_strnfill(HF_ID_MAX, 'x');
    const char *const ids[] = {"a", "0", "web-1", "A_b+c.d", "a..", "a-", longest};

    for (guint i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(hf_state_check_id("container", ids[i], &error));
        g_assert_no_error(error);
    }
}

static void
test_bad_ids_are_refused(void)
{
    g_autofree char *too_long = g_strnfill(HF_ID_MAX + 1, 'x');
    g_autofree char *far_too_long = g_strnfill(4096, 'x');
    const struct {
        const char *id;
        const char *message;
    } cases[] = {
        {"", "the container id is empty"},
        {".", "the container id '.' does not begin with a letter or a digit"},
        {"..", "the container id '..' does not begin with a letter or a digit"},
        {".new-x", "the container id '.new-x' does not begin with a letter or a digit"},
        {"-x", "the container id '-x' does not begin with a letter or a digit"},
        {"a/b", "the container id 'a/b' has other characters than letters, digits and \"_+-.\""},
        {"../x", "the container id '../x' has other characters than letters, digits and \"_+-.\""},
        {"a b", "the container id 'a b' has other characters than letters, digits and \"_+-.\""},
        {"a\n\x1b[31m",
         "the container id 'a\\n\\033[31m' has other characters than letters, digits and "
         "\"_+-.\""},
        {"\xff", "the container id '\\377' has other characters than letters, digits and \"_+-.\""},
        {"\xC3\xA4",
         "the container id '\\303\\244' has other characters than letters, digits and \"_+-.\""},
        {too_long, NULL},
        {far_too_long, NULL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(hf_state_check_id("container", cases[i].id, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
        if (cases[i].message != NULL)
            g_assert_cmpstr(error->message, ==, cases[i].message);
        g_assert_cmpuint(strlen(error->message), <, 200);
    }
}

static void
test_root_is_made_with_its_parents(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *root = g_build_filename(dir, "a", "b", NULL);
    g_autoptr(GError) error = NULL;
    struct stat status;

    hf_autofd fd = hf_state_open_root(root, true, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fstat(fd, &status), ==, 0);
    g_assert_cmphex(status.st_mode & 07777, ==, 0700);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_root_is_not_made_unless_asked(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *root = g_build_filename(dir, "a", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(hf_state_open_root(root, false, &error), ==, -1);

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_false(hf_test_file_exists(dir, "a"));
    hf_test_remove_dir(dir);
}

static void
test_relative_root_is_refused(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(hf_state_open_root("here", true, &error), ==, -1);

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
}

static void
assert_root_is_refused(const char *root, const char *what_it_is)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *message = g_strdup_printf("'%s' %s", root, what_it_is);

    g_assert_cmpint(hf_state_open_root(root, true, &error), ==, -1);

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_cmpstr(error->message, ==, message);
}

static void
test_root_that_is_no_directory_is_refused(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *file = g_build_filename(dir, "file", NULL);
    g_autofree char *fifo = g_build_filename(dir, "fifo", NULL);
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_autofree char *dangling = g_build_filename(dir, "dangling", NULL);
    hf_test_write_file(dir, "file", "");
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_cmpint(symlink(dir, link), ==, 0);
    g_assert_cmpint(symlink("nowhere", dangling), ==, 0);

    assert_root_is_refused(file, "is a file, not a directory");
    assert_root_is_refused(fifo, "is a file, not a directory");
    assert_root_is_refused(link, "is a symbolic link, not a directory");
    assert_root_is_refused(dangling, "is a symbolic link, not a directory");

    hf_test_remove_dir(dir);
}

static void
test_parents_of_the_root_may_be_links(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *real = g_build_filename(dir, "real", NULL);
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_autofree char *root = g_build_filename(link, "root", NULL);
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(mkdir(real, 0700), ==, 0);
    g_assert_cmpint(symlink("real", link), ==, 0);

    hf_autofd fd = hf_state_open_root(root, true, &error);

    g_assert_no_error(error);
    g_assert_true(hf_test_file_exists(real, "root"));
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_root_that_others_may_write_to_is_refused(void)
{
    static const struct {
        mode_t mode;
        const char *what;
    } cases[] = {
        {0777, "may be written to by others (mode 0777)"},
        {01777, "may be written to by others (mode 1777)"},
        {0720, "may be written to by others (mode 0720)"},
    };
    char *dir = hf_test_make_dir();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_cmpint(chmod(dir, cases[i].mode), ==, 0);
        assert_root_is_refused(dir, cases[i].what);
    }

    hf_test_remove_dir(dir);
}

static void
test_root_of_another_user_is_refused(void)
{
    if (geteuid() != 0) {
        g_test_skip("this machine lets only root give a directory away");
        return;
    }
    char *dir = hf_test_make_dir();
    g_assert_cmpint(chown(dir, 12345, 0), ==, 0);

    assert_root_is_refused(dir, "belongs to user 12345");

    hf_test_remove_dir(dir);
}

static void
test_root_that_cannot_be_made_is_an_error_of_the_system(void)
{
    g_autoptr(GError) error = NULL;

    /* Not even root makes a directory there. */
    g_assert_cmpint(hf_state_open_root("/sys/holdfast-test", true, &error), ==, -1);

    g_assert_cmpuint(error->domain, ==, G_FILE_ERROR);
    g_assert_true(g_str_has_prefix(error->message, "make the directory '/sys/holdfast-test': "));
}

static void
test_links_below_the_root_are_not_followed(void)
{
    char *dir = hf_test_make_dir();
    g_autofree char *link = g_build_filename(dir, "link", NULL);
    g_autoptr(GError) error = NULL;
    hf_autofd fd = open_test_dir(dir);
    g_assert_cmpint(symlink("/", link), ==, 0);

    g_assert_cmpint(hf_state_open_dir(fd, "link", link, &error), ==, -1);

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

/* What hf_state_read_file() refuses. */
static void
assert_not_opened(int dir_fd, const char *name, int code)
{
    g_autoptr(GError) error = NULL;
    struct stat status;

    g_assert_cmpint(hf_state_open_file(dir_fd, name, &status, &error), ==, -1);
    g_assert_nonnull(error);
    g_assert_true(code < 0 || g_error_matches(error, HF_ERROR, code));
}

static void
test_whole_file_is_read(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    gsize length = 99;
    hf_test_write_file(dir, "text", "some text\n");
    hf_test_write_file(dir, "empty", "");

    g_autofree char *text = hf_state_read_file(fd, "text", &length, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(text, ==, "some text\n");
    g_assert_cmpuint(length, ==, 10);

    g_autofree char *empty = hf_state_read_file(fd, "empty", &length, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(empty, ==, "");
    g_assert_cmpuint(length, ==, 0);

    struct stat status;
    hf_autofd file_fd = hf_state_open_file(fd, "text", &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status.st_size, ==, 10);
    g_assert_cmpint(fcntl(file_fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    hf_close_fd(&file_fd);

    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_missing_file_is_not_found(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;

    g_assert_null(hf_state_read_file(fd, "missing", NULL, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    assert_not_opened(fd, "missing", HF_ERROR_NOT_FOUND);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_what_is_no_file_is_not_read(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_assert_cmpint(mkfifoat(fd, "fifo", 0600), ==, 0);
    g_assert_cmpint(symlinkat("/etc/passwd", fd, "link"), ==, 0);
    g_assert_cmpint(mkdirat(fd, "directory", 0700), ==, 0);
    static const char *const names[] = {"fifo", "link", "directory"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(hf_state_read_file(fd, names[i], NULL, &error));
        g_assert_nonnull(error);
        g_assert_false(g_error_matches(error, HF_ERROR, HF_ERROR_NOT_FOUND));
        assert_not_opened(fd, names[i],
                          strcmp(names[i], "link") == 0 ? -1 : HF_ERROR_INVALID_STATE);
    }

    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_file_that_everybody_may_write_to_is_refused(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "text", "some text");
    g_assert_cmpint(fchmodat(fd, "text", 0666, 0), ==, 0);

    g_assert_null(hf_state_read_file(fd, "text", NULL, &error));
    assert_not_opened(fd, "text", HF_ERROR_INVALID_STATE);

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_cmpstr(error->message, ==, "'text' may be written to by others");
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_file_of_another_user_is_refused(void)
{
    if (geteuid() != 0) {
        g_test_skip("this machine lets only root give a file away");
        return;
    }
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "text", "some text");
    g_assert_cmpint(fchownat(fd, "text", 12345, 0, 0), ==, 0);

    g_assert_null(hf_state_read_file(fd, "text", NULL, &error));
    assert_not_opened(fd, "text", HF_ERROR_INVALID_STATE);

    g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_STATE);
    g_assert_cmpstr(error->message, ==, "'text' belongs to user 12345");
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_file_above_the_bound_is_refused(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autofree char *path = g_build_filename(dir, "large", NULL);
    g_autoptr(GError) error = NULL;
    hf_test_write_file(dir, "large", "");
    g_assert_cmpint(truncate(path, HF_STATE_FILE_MAX + 1), ==, 0);

    g_assert_null(hf_state_read_file(fd, "large", NULL, &error));
    assert_not_opened(fd, "large", HF_ERROR_LIMIT);

    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_numbers_are_read(void)
{
    static const struct {
        const char *text;
        guint64 number;
    } cases[] = {
        {"0", 0},
        {"11022", 11022},
        {"11022\n", 11022},
        {"007", 7},
        {"18446744073709551615", G_MAXUINT64},
    };
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 number = 99;

        hf_test_write_file(dir, "number", cases[i].text);
        g_assert_true(hf_state_read_number(fd, "number", &number, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(number, ==, cases[i].number);
    }

    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_what_is_no_number_is_refused(void)
{
    static const char *const texts[] = {
        "\n",
        "x",
        "-1",
        "+1",
        " 1",
        "1 ",
        "1\n\n",
        "1\n2",
        "1.5",
        "0x1",
        "1e3\n",
        "1\r\n",
        "18446744073709551616",
    };
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;
        guint64 number = 99;

        hf_test_write_file(dir, "number", texts[i]);
        g_assert_false(hf_state_read_number(fd, "number", &number, &error));
        g_assert_error(error, HF_ERROR, HF_ERROR_PROTOCOL);
        g_assert_cmpuint(number, ==, 99);
    }

    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

static void
test_empty_number_is_not_there_yet(void)
{
    char *dir = hf_test_make_dir();
    hf_autofd fd = open_test_dir(dir);
    g_autoptr(GError) error = NULL;
    guint64 number = 99;
    hf_test_write_file(dir, "number", "");

    g_assert_false(hf_state_read_number(fd, "number", &number, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    hf_close_fd(&fd);
    hf_test_remove_dir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/state-dir/good-ids-pass", test_good_ids_pass);
    hf_test_add("/library/state-dir/bad-ids-are-refused", test_bad_ids_are_refused);
    hf_test_add("/library/state-dir/root-is-made-with-its-parents",
                test_root_is_made_with_its_parents);
    hf_test_add("/library/state-dir/root-is-not-made-unless-asked",
                test_root_is_not_made_unless_asked);
    hf_test_add("/library/state-dir/relative-root-is-refused", test_relative_root_is_refused);
    hf_test_add("/library/state-dir/root-that-is-no-directory-is-refused",
                test_root_that_is_no_directory_is_refused);
    hf_test_add("/library/state-dir/parents-of-the-root-may-be-links",
                test_parents_of_the_root_may_be_links);
    hf_test_add("/library/state-dir/root-that-others-may-write-to-is-refused",
                test_root_that_others_may_write_to_is_refused);
    hf_test_add("/library/state-dir/root-of-another-user-is-refused",
                test_root_of_another_user_is_refused);
    hf_test_add("/library/state-dir/root-that-cannot-be-made-is-an-error-of-the-system",
                test_root_that_cannot_be_made_is_an_error_of_the_system);
    hf_test_add("/library/state-dir/links-below-the-root-are-not-followed",
                test_links_below_the_root_are_not_followed);
    hf_test_add("/library/state-dir/whole-file-is-read", test_whole_file_is_read);
    hf_test_add("/library/state-dir/missing-file-is-not-found", test_missing_file_is_not_found);
    hf_test_add("/library/state-dir/what-is-no-file-is-not-read", test_what_is_no_file_is_not_read);
    hf_test_add("/library/state-dir/file-that-everybody-may-write-to-is-refused",
                test_file_that_everybody_may_write_to_is_refused);
    hf_test_add("/library/state-dir/file-of-another-user-is-refused",
                test_file_of_another_user_is_refused);
    hf_test_add("/library/state-dir/file-above-the-bound-is-refused",
                test_file_above_the_bound_is_refused);
    hf_test_add("/library/state-dir/numbers-are-read", test_numbers_are_read);
    hf_test_add("/library/state-dir/what-is-no-number-is-refused",
                test_what_is_no_number_is_refused);
    hf_test_add("/library/state-dir/empty-number-is-not-there-yet",
                test_empty_number_is_not_there_yet);
    return g_test_run();
}
