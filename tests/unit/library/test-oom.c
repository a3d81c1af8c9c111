/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/events.h>
#include <poll.h>
#include <stdio.h>

#include "process-place.h"

static HfOom *
make_watch(const Place *place)
{
    g_autoptr(GError) error = NULL;
    HfOom *oom = hf_oom_new(place->container, &error);

    g_assert_no_error(error);
    return oom;
}

static bool
is_readable(HfOom *oom)
{
    struct pollfd poll_fd = {.fd = hf_oom_get_fd(oom), .events = POLLIN};

    return poll(&poll_fd, 1, 0) == 1;
}

static void
put(const Place *place, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(place->path, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void
test_kills_make_it_readable_until_they_are_taken(void)
{
    Place place;

    place_set_up(&place, "runc");
    g_autoptr(HfOom) oom = make_watch(&place);
    g_assert_cmpstr(hf_oom_get_container_id(oom), ==, "c");
    g_assert_false(is_readable(oom));
    g_assert_cmpuint(hf_oom_flush(oom), ==, 0);

    put(&place, "oom", "1");
    g_assert_true(is_readable(oom));
    g_assert_cmpuint(hf_oom_flush(oom), ==, 1);
    g_assert_false(is_readable(oom));
    put(&place, "oom", "3");

    g_assert_true(is_readable(oom));
    g_assert_cmpuint(hf_oom_flush(oom), ==, 3);
    g_clear_object(&oom);
    place_tear_down(&place);
}

static void
test_file_that_is_written_in_place_is_seen_too(void)
{
    Place place;

    place_set_up(&place, "runc");
    hf_test_write_file(place.path, "oom", "1");
    g_autoptr(HfOom) oom = make_watch(&place);
    g_assert_cmpuint(hf_oom_flush(oom), ==, 1);

    FILE *file = fdopen(openat(place.dir_fd, "oom", O_WRONLY | O_CLOEXEC), "w");
    g_assert_cmpint(fputs("2", file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);

    g_assert_true(is_readable(oom));
    g_assert_cmpuint(hf_oom_flush(oom), ==, 2);
    g_clear_object(&oom);
    place_tear_down(&place);
}

static void
test_kills_before_it_are_counted(void)
{
    Place place;

    place_set_up(&place, "runc");
    put(&place, "oom", "5");

    g_autoptr(HfOom) oom = make_watch(&place);

    g_assert_cmpuint(hf_oom_flush(oom), ==, 5);
    g_clear_object(&oom);
    place_tear_down(&place);
}

static void
test_end_makes_it_readable_and_removed(void)
{
    Place place;

    place_set_up(&place, "runc");
    g_autoptr(HfOom) oom = make_watch(&place);
    g_assert_false(hf_oom_is_removed(oom));

    put(&place, "exitStatus", "137");

    g_assert_true(is_readable(oom));
    g_assert_true(hf_oom_is_removed(oom));
    g_clear_object(&oom);
    place_tear_down(&place);
}

static void
test_container_that_is_gone_is_removed(void)
{
    Place place;

    place_set_up(&place, "runc");
    g_autoptr(HfOom) oom = make_watch(&place);
    g_autofree char *hidden = g_build_filename(place.root, ".deleted-c", NULL);

    g_assert_cmpint(rename(place.container_path, hidden), ==, 0);

    g_assert_true(hf_oom_is_removed(oom));
    g_assert_cmpuint(hf_oom_flush(oom), ==, 0);
    g_clear_object(&oom);
    place_tear_down(&place);
}

static void
test_container_that_was_not_started_is_told(void)
{
    g_autoptr(GError) error = NULL;
    Place place;

    place_set_up(&place, "runc");
    g_autofree char *file = g_build_filename(place.path, "process.json", NULL);
    g_assert_cmpint(remove(file), ==, 0);
    g_assert_cmpint(rmdir(place.path), ==, 0);

    g_autoptr(HfOom) oom = hf_oom_new(place.container, &error);

    g_assert_null(oom);
    g_assert_error(error, HF_ERROR, HF_ERROR_CONTAINER_NOT_STARTED);
    place_tear_down(&place);
}

#define ADD(name, function) hf_test_add("/library/oom/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("kills-make-it-readable-until-they-are-taken",
        test_kills_make_it_readable_until_they_are_taken);
    ADD("file-that-is-written-in-place-is-seen-too",
        test_file_that_is_written_in_place_is_seen_too);
    ADD("kills-before-it-are-counted", test_kills_before_it_are_counted);
    ADD("end-makes-it-readable-and-removed", test_end_makes_it_readable_and_removed);
    ADD("container-that-is-gone-is-removed", test_container_that_is_gone_is_removed);
    ADD("container-that-was-not-started-is-told", test_container_that_was_not_started_is_told);
    return g_test_run();
}
