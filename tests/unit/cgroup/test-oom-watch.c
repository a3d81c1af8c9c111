/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Directories that look like a cgroup. What a plain file cannot do (wake a reader, vanish under it)
 * is in test-oom-watch-real.c. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/oom-watch.h"
#include "oom-kit.h"
#include "saved-kit.h"
#include "test-kit.h"

/* What the kernel does: adds to the eventfd that was written to cgroup.event_control. */
static void
signal_v1_event(const char *dir)
{
    g_autofree char *request = hf_test_read_file(dir, "cgroup.event_control");
    guint64 one = 1;
    int event_fd = -1;
    int counter_fd = -1;

    g_assert_cmpint(sscanf(request, "%d %d", &event_fd, &counter_fd), ==, 2);
    g_assert_cmpint(write(event_fd, &one, sizeof one), ==, sizeof one);
}

static char *
make_v1_dir(const char *oom_control)
{
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "memory.oom_control", oom_control);
    hf_test_write_file(dir, "cgroup.event_control", "");
    return dir;
}

static char *
make_v2_dir(const char *memory_events)
{
    char *dir = hf_test_make_dir();

    hf_test_write_file(dir, "memory.events", memory_events);
    return dir;
}

static void
test_kills_are_counted_from_the_start_of_the_watch(void)
{
    char *dir = make_v2_dir("low 0\noom 9\noom_kill 5\noom_group_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", "low 0\noom 11\noom_kill 7\noom_group_kill 0\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 1);
    g_assert_cmpuint(told.kills, ==, 2);
    hf_test_remove_dir(dir);
}

static void
test_a_count_is_told_once(void)
{
    char *dir = make_v2_dir("oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_check(watch);
    g_assert_cmpuint(told.calls, ==, 0);
    oom_kit_rewrite(dir, "memory.events", "oom_kill 1\n");
    oom_kit_check(watch);
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 1);
    hf_test_remove_dir(dir);
}

static void
test_resumed_watch_tells_what_came_meanwhile(void)
{
    char *dir = make_v2_dir("oom_kill 9\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);
    g_assert_cmpuint(hf_oom_watch_get_base(watch), ==, 9);

    hf_oom_watch_resume(watch, 5, 3);
    oom_kit_check(watch);
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 1);
    g_assert_cmpuint(told.kills, ==, 4);
    hf_test_remove_dir(dir);
}

static void
test_resumed_watch_does_not_repeat_what_was_told(void)
{
    char *dir = make_v2_dir("oom_kill 9\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    hf_oom_watch_resume(watch, 5, 4);
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_base_of_another_cgroup_is_not_resumed(void)
{
    char *dir = make_v2_dir("oom_kill 1\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    hf_oom_watch_resume(watch, 5, 0);
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_only_oom_kill_is_a_kill(void)
{
    char *dir = make_v2_dir("high 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", "high 3\nmax 4\noom 5\noom_kill 0\noom_group_kill 6\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_a_count_that_falls_is_no_kill(void)
{
    char *dir = make_v2_dir("oom_kill 5\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", "oom_kill 2\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_the_largest_count_is_a_number(void)
{
    char *dir = make_v2_dir("oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", "oom_kill 18446744073709551615\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, G_MAXUINT64);
    hf_test_remove_dir(dir);
}

static void
test_garbage_is_an_error_and_no_kill(void)
{
    static const char *const texts[] = {
        "oom_kill 18446744073709551616\n",
        "oom_kill -1\n",
        "oom_kill\n",
        "oom_kill \n",
        "oom_kill 7",
        "oom_kill 0x7\n",
        "oom_kill 7 7\n",
        "",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        char *dir = make_v2_dir("oom_kill 0\n");
        OomKitTold told = {0};
        g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

        g_test_message("case %u", i);
        oom_kit_rewrite(dir, "memory.events", texts[i]);

        oom_kit_assert_check_fails(watch, HF_ERROR_PROTOCOL);
        g_assert_cmpuint(told.calls, ==, 0);
        hf_test_remove_dir(dir);
    }
}

static void
test_overlong_file_is_an_error(void)
{
    g_autofree char *padding = g_strnfill(2000, 'x');
    g_autofree char *text = g_strdup_printf("oom_kill 3\n%s 1\n", padding);
    char *dir = make_v2_dir("oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", text);

    oom_kit_assert_check_fails(watch, HF_ERROR_PROTOCOL);
    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_check_works_again_after_garbage(void)
{
    char *dir = make_v2_dir("oom_kill 1\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    oom_kit_rewrite(dir, "memory.events", "oom_kill many\n");
    oom_kit_assert_check_fails(watch, HF_ERROR_PROTOCOL);
    oom_kit_rewrite(dir, "memory.events", "oom_kill 2\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_test_remove_dir(dir);
}

typedef struct {
    HfCgroupVersion version;
    const char *name;
    const char *text;
    HfError code;
} RefusedCase;

static void
test_what_cannot_be_watched_is_refused(void)
{
    static const RefusedCase cases[] = {
        {HF_CGROUP_V2, "memory.oom_control", "oom_kill 0\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V2, "memory.events", "low 0\noom 0\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V2, "memory.events", "oom_kill none\n", HF_ERROR_PROTOCOL},
        {HF_CGROUP_V1, "memory.events", "oom_kill 0\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V1, "memory.oom_control", "under_oom 0\n", HF_ERROR_NOT_SUPPORTED},
        {HF_CGROUP_V1, "memory.oom_control", "oom_kill none\n", HF_ERROR_PROTOCOL},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *dir = hf_test_make_dir();
        g_autoptr(GError) error = NULL;
        HfOomWatch *watch;

        g_test_message("case %u", i);
        hf_test_write_file(dir, cases[i].name, cases[i].text);
        watch =
            hf_oom_watch_new_for_path(NULL, dir, cases[i].version, oom_kit_on_oom, NULL, &error);

        g_assert_null(watch);
        g_assert_error(error, HF_ERROR, (int)cases[i].code);
        hf_test_remove_dir(dir);
    }
}

static void
test_missing_directory_is_a_removed_cgroup(void)
{
    g_autoptr(GError) error = NULL;
    HfOomWatch *watch = hf_oom_watch_new_for_path(NULL, "/nonexistent/cgroup", HF_CGROUP_V2,
                                                  oom_kit_on_oom, NULL, &error);

    g_assert_null(watch);
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==,
                    "'/nonexistent/cgroup': Cgroup appears to have been removed");
}

static void
test_v1_root_cgroup_is_refused(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    g_autoptr(GError) error = NULL;

    hf_test_write_file(dir, "release_agent", "\n");
    HfOomWatch *watch =
        hf_oom_watch_new_for_path(NULL, dir, HF_CGROUP_V1, oom_kit_on_oom, NULL, &error);

    g_assert_null(watch);
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
    hf_test_remove_dir(dir);
}

static void
test_v1_event_leads_to_a_look(void)
{
    char *dir = make_v1_dir("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    OomKitTold told = {0};
    HfOomWatch *watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    oom_kit_rewrite(dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
    signal_v1_event(dir);
    hf_test_wait(NULL, "the kill to be told", oom_kit_was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

static void
test_v1_kill_counted_after_the_event_is_found(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    OomKitTold told = {0};
    HfOomWatch *watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(told.calls, ==, 0);
    oom_kit_rewrite(dir, "memory.oom_control", "oom_kill 1\n");
    hf_test_wait(NULL, "the kill to be told", oom_kit_was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

static void
test_v1_event_without_a_kill_ends_in_idleness(void)
{
    char *dir = make_v1_dir("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n");
    OomKitTold told = {0};
    HfOomWatch *watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    g_assert_true(oom_kit_is_idle());
    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_false(oom_kit_is_idle());
    while (!oom_kit_is_idle())
        (void)g_main_context_iteration(NULL, TRUE);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

static void
test_v1_without_events_is_watched_by_check(void)
{
    char *dir = hf_test_make_dir();
    OomKitTold told = {0};

    hf_test_write_file(dir, "memory.oom_control", "oom_kill 0\n");
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);
    oom_kit_rewrite(dir, "memory.oom_control", "oom_kill 3\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, 3);
    hf_test_remove_dir(dir);
}

static void
test_v1_without_a_count_counts_events(void)
{
    char *dir = make_v1_dir("oom_kill_disable 0\nunder_oom 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    hf_test_wait(NULL, "the first kill to be told", oom_kit_was_told, &told);
    g_assert_cmpuint(told.kills, ==, 1);
    signal_v1_event(dir);
    oom_kit_check(watch);
    hf_test_settle(NULL);

    g_assert_cmpuint(told.calls, ==, 2);
    g_assert_cmpuint(told.kills, ==, 2);
    hf_test_remove_dir(dir);
}

/* A v1 cgroup below @dir. (transfer full) */
static char *
add_nested(const char *dir, const char *name, const char *oom_control)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_cmpint(mkdir(path, 0700), ==, 0);
    hf_test_write_file(path, "memory.oom_control", oom_control);
    return path;
}

static void
test_v1_kill_in_a_nested_cgroup_is_told(void)
{
    char *dir = make_v1_dir("oom_kill 1\n");
    g_autofree char *nested = add_nested(dir, "a", "oom_kill 2\n");
    g_autofree char *deeper = add_nested(nested, "b", "oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    oom_kit_check(watch);
    g_assert_cmpuint(told.calls, ==, 0);
    oom_kit_rewrite(deeper, "memory.oom_control", "oom_kill 3\n");
    signal_v1_event(dir);
    hf_test_wait(NULL, "the kills to be told", oom_kit_was_told, &told);

    g_assert_cmpuint(told.kills, ==, 3);
    hf_test_remove_dir(dir);
}

static void
test_v1_kills_of_a_removed_cgroup_stay_counted(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    char *nested = add_nested(dir, "a", "oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    oom_kit_rewrite(nested, "memory.oom_control", "oom_kill 2\n");
    oom_kit_check(watch);
    hf_test_remove_dir(nested);
    oom_kit_check(watch);
    g_assert_cmpuint(told.calls, ==, 1);
    oom_kit_rewrite(dir, "memory.oom_control", "oom_kill 1\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 2);
    g_assert_cmpuint(told.kills, ==, 3);
    hf_test_remove_dir(dir);
}

static void
test_v1_nested_garbage_is_neither_kill_nor_error(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    g_autofree char *nested = add_nested(dir, "a", "oom_kill 2\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    oom_kit_rewrite(nested, "memory.oom_control", "oom_kill x\n");
    oom_kit_check(watch);
    oom_kit_rewrite(nested, "memory.oom_control", "oom_kill 2\n");
    oom_kit_check(watch);
    g_assert_cmpuint(told.calls, ==, 0);
    oom_kit_rewrite(nested, "memory.oom_control", "oom_kill 3\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_test_remove_dir(dir);
}

static void
test_v2_does_not_add_what_the_kernel_has_added(void)
{
    char *dir = make_v2_dir("oom_kill 0\n");
    g_autofree char *nested = g_build_filename(dir, "a", NULL);
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);

    g_assert_cmpint(mkdir(nested, 0700), ==, 0);
    hf_test_write_file(nested, "memory.events", "oom_kill 1\n");
    hf_test_write_file(nested, "memory.oom_control", "oom_kill 1\n");
    oom_kit_rewrite(dir, "memory.events", "oom_kill 1\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_test_remove_dir(dir);
}

static void
test_unreadable_count_ends_the_waking(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    oom_kit_rewrite(dir, "memory.oom_control", "rubbish\n");
    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);

    g_assert_true(oom_kit_is_idle());
    oom_kit_assert_check_fails(watch, HF_ERROR_PROTOCOL);
    hf_test_remove_dir(dir);
}

static void
test_freed_with_an_event_pending(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    OomKitTold told = {0};
    HfOomWatch *watch = oom_kit_watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    oom_kit_rewrite(dir, "memory.oom_control", "oom_kill 1\n");
    signal_v1_event(dir);
    hf_oom_watch_free(watch);
    hf_test_settle(NULL);

    g_assert_cmpuint(told.calls, ==, 0);
    g_assert_true(oom_kit_is_idle());
    hf_test_remove_dir(dir);
}

static void
test_free_accepts_null(void)
{
    hf_oom_watch_free(NULL);
}

static void
test_saved_watch_tells_only_what_came_since(void)
{
    char *dir = make_v2_dir("oom_kill 5\n");
    OomKitTold told = {0};
    HfOomWatch *watch = oom_kit_watch_dir(dir, HF_CGROUP_V2, &told);
    SavedKit kit;

    oom_kit_rewrite(dir, "memory.events", "oom_kill 7\n");
    oom_kit_check(watch);
    g_assert_cmpuint(told.kills, ==, 2);
    saved_kit_begin(&kit);
    hf_oom_watch_save(watch, kit.writer);
    saved_kit_keep(&kit);
    hf_oom_watch_free(watch);
    watch = hf_oom_watch_new_saved(NULL, saved_kit_read(&kit), oom_kit_on_oom, &told);
    saved_kit_assert_right(&kit);
    oom_kit_check(watch);
    g_assert_cmpuint(told.calls, ==, 1);
    g_assert_cmpuint(hf_oom_watch_get_base(watch), ==, 5);
    oom_kit_rewrite(dir, "memory.events", "oom_kill 8\n");
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 2);
    g_assert_cmpuint(told.kills, ==, 3);
    hf_oom_watch_free(watch);
    saved_kit_end(&kit);
    hf_test_remove_dir(dir);
}

static void
test_saved_watch_of_nothing_is_refused(void)
{
    OomKitTold told = {0};
    SavedKit kit;

    saved_kit_begin(&kit);
    hf_state_put_bool(kit.writer, "is-waiting", true);
    hf_oom_watch_free(hf_oom_watch_new_saved(NULL, saved_kit_read(&kit), oom_kit_on_oom, &told));

    saved_kit_assert_wrong(&kit, "counter");
    saved_kit_end(&kit);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/oom-watch/resumed-watch-tells-what-came-meanwhile",
                test_resumed_watch_tells_what_came_meanwhile);
    hf_test_add("/cgroup/oom-watch/resumed-watch-does-not-repeat-what-was-told",
                test_resumed_watch_does_not_repeat_what_was_told);
    hf_test_add("/cgroup/oom-watch/base-of-another-cgroup-is-not-resumed",
                test_base_of_another_cgroup_is_not_resumed);
    hf_test_add("/cgroup/oom-watch/kills-are-counted-from-the-start-of-the-watch",
                test_kills_are_counted_from_the_start_of_the_watch);
    hf_test_add("/cgroup/oom-watch/a-count-is-told-once", test_a_count_is_told_once);
    hf_test_add("/cgroup/oom-watch/only-oom-kill-is-a-kill", test_only_oom_kill_is_a_kill);
    hf_test_add("/cgroup/oom-watch/a-count-that-falls-is-no-kill",
                test_a_count_that_falls_is_no_kill);
    hf_test_add("/cgroup/oom-watch/the-largest-count-is-a-number",
                test_the_largest_count_is_a_number);
    hf_test_add("/cgroup/oom-watch/garbage-is-an-error-and-no-kill",
                test_garbage_is_an_error_and_no_kill);
    hf_test_add("/cgroup/oom-watch/overlong-file-is-an-error", test_overlong_file_is_an_error);
    hf_test_add("/cgroup/oom-watch/check-works-again-after-garbage",
                test_check_works_again_after_garbage);
    hf_test_add("/cgroup/oom-watch/what-cannot-be-watched-is-refused",
                test_what_cannot_be_watched_is_refused);
    hf_test_add("/cgroup/oom-watch/missing-directory-is-a-removed-cgroup",
                test_missing_directory_is_a_removed_cgroup);
    hf_test_add("/cgroup/oom-watch/v1-root-cgroup-is-refused", test_v1_root_cgroup_is_refused);
    hf_test_add("/cgroup/oom-watch/v1-event-leads-to-a-look", test_v1_event_leads_to_a_look);
    hf_test_add("/cgroup/oom-watch/v1-kill-counted-after-the-event-is-found",
                test_v1_kill_counted_after_the_event_is_found);
    hf_test_add("/cgroup/oom-watch/v1-event-without-a-kill-ends-in-idleness",
                test_v1_event_without_a_kill_ends_in_idleness);
    hf_test_add("/cgroup/oom-watch/v1-without-events-is-watched-by-check",
                test_v1_without_events_is_watched_by_check);
    hf_test_add("/cgroup/oom-watch/v1-without-a-count-counts-events",
                test_v1_without_a_count_counts_events);
    hf_test_add("/cgroup/oom-watch/v1-kill-in-a-nested-cgroup-is-told",
                test_v1_kill_in_a_nested_cgroup_is_told);
    hf_test_add("/cgroup/oom-watch/v1-kills-of-a-removed-cgroup-stay-counted",
                test_v1_kills_of_a_removed_cgroup_stay_counted);
    hf_test_add("/cgroup/oom-watch/v1-nested-garbage-is-neither-kill-nor-error",
                test_v1_nested_garbage_is_neither_kill_nor_error);
    hf_test_add("/cgroup/oom-watch/v2-does-not-add-what-the-kernel-has-added",
                test_v2_does_not_add_what_the_kernel_has_added);
    hf_test_add("/cgroup/oom-watch/unreadable-count-ends-the-waking",
                test_unreadable_count_ends_the_waking);
    hf_test_add("/cgroup/oom-watch/freed-with-an-event-pending", test_freed_with_an_event_pending);
    hf_test_add("/cgroup/oom-watch/free-accepts-null", test_free_accepts_null);
    hf_test_add("/cgroup/oom-watch/saved-watch-tells-only-what-came-since",
                test_saved_watch_tells_only_what_came_since);
    hf_test_add("/cgroup/oom-watch/saved-watch-of-nothing-is-refused",
                test_saved_watch_of_nothing_is_refused);
    return g_test_run();
}
