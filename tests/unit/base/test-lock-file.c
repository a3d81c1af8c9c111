/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/lock-file.h"
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

static int
take(const Place *place)
{
    g_autoptr(GError) error = NULL;
    int fd = -1;

    g_assert_cmpint(hf_lock_file_try_take(place->dir_fd, "lock", &fd, &error), ==, HF_LOCK_TAKEN);
    g_assert_no_error(error);
    return fd;
}

static bool
is_held(const Place *place)
{
    g_autoptr(GError) error = NULL;
    bool held = false;

    g_assert_true(hf_lock_file_is_held(place->dir_fd, "lock", &held, &error));
    g_assert_no_error(error);
    return held;
}

static void
test_second_taker_is_told_that_it_is_held(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) error = NULL;
    hf_autofd first = take(&place);
    int second = -1;

    g_assert_cmpint(hf_lock_file_try_take(place.dir_fd, "lock", &second, &error), ==, HF_LOCK_HELD);

    g_assert_no_error(error);
    g_assert_cmpint(second, ==, -1);
}

static void
test_closing_frees_it(void)
{
    g_auto(Place) place = place_make();
    int first = take(&place);

    hf_close_fd(&first);

    g_assert_false(is_held(&place));
    hf_autofd second = take(&place);
    g_assert_cmpint(second, >=, 0);
}

static void
test_file_that_is_missing_is_held_by_nobody(void)
{
    g_auto(Place) place = place_make();

    g_assert_false(is_held(&place));

    g_assert_false(hf_test_file_exists(place.dir, "lock"));
}

static void
test_looking_does_not_take(void)
{
    g_auto(Place) place = place_make();
    hf_autofd holder = take(&place);

    g_assert_true(is_held(&place));
    g_assert_true(is_held(&place));
    hf_close_fd(&holder);
    g_assert_false(is_held(&place));
}

static void
test_closing_another_descriptor_of_the_file_frees_nothing(void)
{
    g_auto(Place) place = place_make();
    hf_autofd holder = take(&place);
    int other = openat(place.dir_fd, "lock", O_RDWR | O_CLOEXEC);

    hf_close_fd(&other);

    g_assert_true(is_held(&place));
}

static void
test_child_that_inherits_it_holds_it(void)
{
    g_auto(Place) place = place_make();
    int holder = take(&place);
    pid_t child = fork();

    if (child == 0)
        hf_test_wait_for_kill();
    hf_close_fd(&holder);
    bool is_held_by_child = is_held(&place);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);

    g_assert_true(is_held_by_child);
    g_assert_false(is_held(&place));
}

static void
test_things_that_are_no_files_are_refused(void)
{
    g_auto(Place) place = place_make();
    g_autoptr(GError) fifo_error = NULL;
    g_autoptr(GError) link_error = NULL;
    int fd = -1;
    bool held;

    g_assert_cmpint(mkfifoat(place.dir_fd, "fifo", 0600), ==, 0);
    g_assert_cmpint(symlinkat("/dev/null", place.dir_fd, "link"), ==, 0);

    g_assert_cmpint(hf_lock_file_try_take(place.dir_fd, "fifo", &fd, &fifo_error), ==,
                    HF_LOCK_FAILED);
    g_assert_error(fifo_error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    g_assert_false(hf_lock_file_is_held(place.dir_fd, "link", &held, &link_error));
    g_assert_error(link_error, G_FILE_ERROR, G_FILE_ERROR_LOOP);
}

static void
test_descriptor_is_close_on_exec(void)
{
    g_auto(Place) place = place_make();
    hf_autofd fd = take(&place);

    g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/lock-file/second-taker-is-told-that-it-is-held",
                test_second_taker_is_told_that_it_is_held);
    hf_test_add("/base/lock-file/closing-frees-it", test_closing_frees_it);
    hf_test_add("/base/lock-file/file-that-is-missing-is-held-by-nobody",
                test_file_that_is_missing_is_held_by_nobody);
    hf_test_add("/base/lock-file/looking-does-not-take", test_looking_does_not_take);
    hf_test_add("/base/lock-file/closing-another-descriptor-of-the-file-frees-nothing",
                test_closing_another_descriptor_of_the_file_frees_nothing);
    hf_test_add("/base/lock-file/child-that-inherits-it-holds-it",
                test_child_that_inherits_it_holds_it);
    hf_test_add("/base/lock-file/things-that-are-no-files-are-refused",
                test_things_that_are_no_files_are_refused);
    hf_test_add("/base/lock-file/descriptor-is-close-on-exec", test_descriptor_is_close_on_exec);
    return g_test_run();
}
