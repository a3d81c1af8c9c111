/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "library/container-lock.h"
#include "test-kit.h"

#define EXCLUSIVE HF_CONTAINER_LOCK_EXCLUSIVE
#define SHARED HF_CONTAINER_LOCK_SHARED

typedef struct {
    char *root;
    int root_fd;
    int dir_fd; /* of the container "c" */
} Place;

static void
set_up(Place *place)
{
    place->root = hf_test_make_dir();
    place->root_fd = open(place->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(mkdirat(place->root_fd, "c", 0700), ==, 0);
    place->dir_fd = openat(place->root_fd, "c", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(place->dir_fd, >=, 0);
}

static void
tear_down(Place *place)
{
    hf_close_fd(&place->dir_fd);
    hf_close_fd(&place->root_fd);
    hf_test_remove_dir(place->root);
}

static int
take(const Place *place, HfContainerLockKind kind)
{
    g_autoptr(GError) error = NULL;
    int fd = hf_container_lock_take(place->dir_fd, "c", kind, 0, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
    return fd;
}

static void
assert_is_refused(const Place *place, HfContainerLockKind kind, int code, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(hf_container_lock_take(place->dir_fd, "c", kind, 0, NULL, &error), ==, -1);
    g_assert_error(error, HF_ERROR, code);
    g_assert_cmpstr(error->message, ==, message);
}

static void
test_one_who_changes_is_alone(void)
{
    g_autofree char *message =
        g_strdup_printf("container 'c': process %d is changing it", (int)getpid());
    Place place;
    set_up(&place);

    hf_autofd fd = take(&place, EXCLUSIVE);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_BUSY, message);
    assert_is_refused(&place, SHARED, HF_ERROR_BUSY, message);
    hf_close_fd(&fd);
    tear_down(&place);
}

static void
test_several_may_share(void)
{
    Place place;
    set_up(&place);

    hf_autofd first = take(&place, SHARED);
    hf_autofd second = take(&place, SHARED);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_BUSY,
                      "container 'c': another process is changing it");
    hf_close_fd(&first);
    hf_close_fd(&second);
    tear_down(&place);
}

static void
test_former_holder_is_not_blamed(void)
{
    Place place;
    set_up(&place);
    hf_autofd former = take(&place, EXCLUSIVE);
    hf_close_fd(&former);

    hf_autofd fd = take(&place, SHARED);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_BUSY,
                      "container 'c': another process is changing it");
    hf_close_fd(&fd);
    tear_down(&place);
}

static void
test_closing_ends_it(void)
{
    Place place;
    set_up(&place);
    hf_autofd first = take(&place, EXCLUSIVE);

    hf_close_fd(&first);

    hf_autofd second = take(&place, EXCLUSIVE);
    hf_close_fd(&second);
    tear_down(&place);
}

static gpointer
take_patiently(gpointer user_data)
{
    const Place *place = user_data;
    g_autoptr(GError) error = NULL;
    int fd = hf_container_lock_take(place->dir_fd, "c", EXCLUSIVE, 60000, NULL, &error);

    g_assert_no_error(error);
    return GINT_TO_POINTER(fd);
}

static void
test_one_who_waits_gets_it(void)
{
    Place place;
    set_up(&place);
    hf_autofd first = take(&place, EXCLUSIVE);
    GThread *waiter = g_thread_new("waiter", take_patiently, &place);

    hf_close_fd(&first);

    hf_autofd second = GPOINTER_TO_INT(g_thread_join(waiter));
    g_assert_cmpint(second, >=, 0);
    hf_close_fd(&second);
    tear_down(&place);
}

static void
test_waiting_can_be_cancelled(void)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    Place place;
    set_up(&place);
    hf_autofd first = take(&place, EXCLUSIVE);
    g_cancellable_cancel(cancellable);

    g_assert_cmpint(
        hf_container_lock_take(place.dir_fd, "c", EXCLUSIVE, 60000, cancellable, &error), ==, -1);

    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    hf_close_fd(&first);
    tear_down(&place);
}

static void
test_renamed_container_is_gone(void)
{
    Place place;
    set_up(&place);
    g_assert_cmpint(renameat(place.root_fd, "c", place.root_fd, ".deleted-c"), ==, 0);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_NOT_FOUND, "container 'c': it was deleted");

    tear_down(&place);
}

static void
test_removed_container_is_gone(void)
{
    Place place;
    set_up(&place);
    g_assert_cmpint(unlinkat(place.root_fd, "c", AT_REMOVEDIR), ==, 0);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_NOT_FOUND, "container 'c': it was deleted");

    tear_down(&place);
}

static void
test_new_container_of_the_name_is_another(void)
{
    Place place;
    set_up(&place);
    g_assert_cmpint(unlinkat(place.root_fd, "c", AT_REMOVEDIR), ==, 0);
    g_assert_cmpint(mkdirat(place.root_fd, "c", 0700), ==, 0);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_NOT_FOUND, "container 'c': it was deleted");

    tear_down(&place);
}

static void
test_what_is_no_file_is_refused(void)
{
    Place place;
    set_up(&place);
    g_assert_cmpint(mkfifoat(place.dir_fd, "lock", 0600), ==, 0);

    assert_is_refused(&place, EXCLUSIVE, HF_ERROR_INVALID_STATE,
                      "container 'c': 'lock' is not a file");

    tear_down(&place);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/library/container-lock/one-who-changes-is-alone", test_one_who_changes_is_alone);
    hf_test_add("/library/container-lock/several-may-share", test_several_may_share);
    hf_test_add("/library/container-lock/former-holder-is-not-blamed",
                test_former_holder_is_not_blamed);
    hf_test_add("/library/container-lock/closing-ends-it", test_closing_ends_it);
    hf_test_add("/library/container-lock/one-who-waits-gets-it", test_one_who_waits_gets_it);
    hf_test_add("/library/container-lock/waiting-can-be-cancelled", test_waiting_can_be_cancelled);
    hf_test_add("/library/container-lock/renamed-container-is-gone",
                test_renamed_container_is_gone);
    hf_test_add("/library/container-lock/removed-container-is-gone",
                test_removed_container_is_gone);
    hf_test_add("/library/container-lock/new-container-of-the-name-is-another",
                test_new_container_of_the_name_is_another);
    hf_test_add("/library/container-lock/what-is-no-file-is-refused",
                test_what_is_no_file_is_refused);
    return g_test_run();
}
