/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/landlock.h"
#include "test-kit.h"

typedef struct {
    char *dir;
    char *logs;
    char *other;
} Places;

static int
try_open(const char *dir, const char *name, int flags)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0)
        (void)close(fd);
    return fd >= 0 ? 0 : errno;
}

static int
try_rename(const char *dir, const char *from, const char *to)
{
    g_autofree char *old_path = g_build_filename(dir, from, NULL);
    g_autofree char *new_path = g_build_filename(dir, to, NULL);

    return rename(old_path, new_path) == 0 ? 0 : errno;
}

/* Returns 0, or the number of what is wrong. */
static int
check_confined(const Places *p)
{
    if (try_open(p->logs, "log", O_RDWR) != 0 || try_open(p->logs, "new", O_WRONLY | O_CREAT) != 0)
        return 1;
    if (try_rename(p->logs, "log", "log.1") != 0)
        return 2;
    if (try_open(p->other, "file", O_RDONLY) != EACCES)
        return 3;
    if (try_open(p->other, "file", O_WRONLY) != EACCES)
        return 4;
    if (try_open(p->other, "new", O_WRONLY | O_CREAT) != EACCES)
        return 5;
    if (try_rename(p->other, "file", "file.1") != EACCES)
        return 6;
    return 0;
}

static int
run(gpointer user_data)
{
    const Places *places = user_data;
    g_autoptr(HfLandlock) landlock = hf_landlock_new(false, NULL);

    if (landlock == NULL)
        return 99;
    hf_landlock_allow(landlock, HF_PLACE_FILES, places->logs);
    hf_landlock_allow(landlock, HF_PLACE_FILES, "/nowhere/at/all");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || !hf_landlock_enforce(landlock, NULL))
        return 100;
    return check_confined(places);
}

static void
test_places(void)
{
    char *dir = hf_test_make_dir();
    Places places = {
        .dir = dir,
        .logs = g_build_filename(dir, "logs", NULL),
        .other = g_build_filename(dir, "other", NULL),
    };

    if (hf_landlock_is_supported()) {
        g_assert_cmpint(g_mkdir_with_parents(places.logs, 0700), ==, 0);
        g_assert_cmpint(g_mkdir_with_parents(places.other, 0700), ==, 0);
        hf_test_write_file(places.logs, "log", "x");
        hf_test_write_file(places.other, "file", "x");
        g_assert_cmpint(hf_test_run_in_child(run, &places), ==, 0);
    } else {
        g_test_skip("this machine has no Landlock");
    }
    hf_test_remove_dir(dir);
    g_free(places.logs);
    g_free(places.other);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/landlock/places", test_places);
    return g_test_run();
}
