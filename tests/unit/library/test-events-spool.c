/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "events-place.h"
#include "library/events-spool.h"
#include "library/state-dir.h"

#define NOBODY 65534

/* As the library does before it removes something of the container. */
static void
keep(const Fixture *self, const char *container_id, const char *process, const char *mark)
{
    g_autoptr(HfContainer) container =
        hf_container_new_for_file(self->root, container_id, hf_container_file_new());
    g_autoptr(GError) error = NULL;
    hf_autofd dir_fd = hf_container_open(container, &error);

    g_assert_no_error(error);
    if (process != NULL)
        hf_events_spool_keep_process(container, dir_fd, process);
    else
        hf_events_spool_keep_mark(container, dir_fd, mark);
}

static void
remove_process(const Fixture *self, const char *container_id, const char *process)
{
    g_autofree char *path = at(self, container_id, process);

    keep(self, container_id, process, NULL);
    hf_test_remove_dir(g_steal_pointer(&path));
}

static void
remove_container(const Fixture *self, const char *container_id)
{
    keep(self, container_id, "init", NULL);
    hide(self, container_id);
}

static void
resume(const Fixture *self, const char *container_id)
{
    keep(self, container_id, NULL, "paused");
    take_away(self, container_id, "paused");
}

/* A process that has ended. */
static void
make_ended(const Fixture *self, const char *container_id, const char *process, const char *pid)
{
    g_autofree char *pid_name = g_build_filename(process, "pid", NULL);
    g_autofree char *started = g_build_filename(process, "started", NULL);
    g_autofree char *status = g_build_filename(process, "exitStatus", NULL);

    make_process(self, container_id, process);
    put_at_time(self, container_id, pid_name, pid, 1000);
    if (strcmp(process, "init") == 0)
        put_at_time(self, container_id, started, "", 2000);
    put_at_time(self, container_id, status, "7", 3000);
}

/* The directories of followers in the root. */
static GPtrArray *
list_spools(const Fixture *self)
{
    hf_autofd root_fd = open(self->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    GPtrArray *names = hf_state_list_names(root_fd, NULL);

    for (guint i = names->len; i > 0; i--) {
        if (!g_str_has_prefix(g_ptr_array_index(names, i - 1), HF_EVENTS_SPOOL_PREFIX))
            g_ptr_array_remove_index(names, i - 1);
    }
    return names;
}

static void
assert_spools(const Fixture *self, guint expected)
{
    g_autoptr(GPtrArray) names = list_spools(self);

    g_assert_cmpuint(names->len, ==, expected);
}

/* In the one spool, with its lock. */
static guint
count_kept(const Fixture *self)
{
    g_autoptr(GPtrArray) names = list_spools(self);
    g_autofree char *path = g_build_filename(self->root, g_ptr_array_index(names, 0), NULL);
    hf_autofd fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GPtrArray) kept = hf_state_list_names(fd, NULL);

    return kept->len;
}

static void
test_exec_that_nobody_looked_at_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    begin(&fixture);

    make_ended(&fixture, "c", "e1", "41");
    remove_process(&fixture, "c", "e1");

    assert_next(&fixture, "started c e1 41");
    assert_next(&fixture, "exited c e1 7");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_of_an_exec_that_was_seen_the_rest_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "e1");
    put_at_time(&fixture, "c", "e1/pid", "41", 1000);
    begin(&fixture);
    assert_next(&fixture, "started c e1 41");

    put(&fixture, "c", "e1/exitStatus", "7");
    remove_process(&fixture, "c", "e1");

    assert_next(&fixture, "exited c e1 7");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_exec_that_was_told_is_not_told_again(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    begin(&fixture);
    assert_next(&fixture, "started c e1 41");
    assert_next(&fixture, "exited c e1 7");

    keep(&fixture, "c", "e1", NULL);
    assert_none(&fixture);
    remove_process(&fixture, "c", "e1");

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_two_of_one_name_are_both_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    begin(&fixture);
    assert_next(&fixture, "started c e1 41");
    assert_next(&fixture, "exited c e1 7");

    remove_process(&fixture, "c", "e1");
    make_ended(&fixture, "c", "e1", "42");
    remove_process(&fixture, "c", "e1");

    assert_next(&fixture, "started c e1 42");
    assert_next(&fixture, "exited c e1 7");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_container_that_nobody_looked_at_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    make_ended(&fixture, "c", "init", "41");
    put_at_time(&fixture, "c", "init/oom", "3", 2500);
    remove_container(&fixture, "c");

    assert_next(&fixture, "created c init 41");
    assert_next(&fixture, "started c init 41");
    assert_next(&fixture, "oom c init 3");
    assert_next(&fixture, "exited c init 7");
    assert_next(&fixture, "deleted c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_container_that_was_seen_is_deleted_once(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "init/pid", "41", 1000);
    begin(&fixture);
    assert_next(&fixture, "created c init 41");

    put(&fixture, "c", "init/exitStatus", "7");
    remove_container(&fixture, "c");

    assert_next(&fixture, "exited c init 7");
    assert_next(&fixture, "deleted c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_container_of_the_same_name_is_another(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "init/pid", "41", 1000);
    assert_next(&fixture, "created c init 41");

    put_at_time(&fixture, "c", "init/exitStatus", "7", 1500);
    remove_container(&fixture, "c");
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "init/pid", "42");

    assert_next(&fixture, "exited c init 7");
    assert_next(&fixture, "deleted c");
    assert_next(&fixture, "created c init 42");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_pause_that_was_over_before_a_look_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    begin(&fixture);

    put_at_time(&fixture, "c", "paused", "", 1000);
    resume(&fixture, "c");

    assert_next(&fixture, "paused c");
    assert_next(&fixture, "resumed c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_pause_is_over_once(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "paused", "", 1000);
    begin(&fixture);
    assert_next(&fixture, "paused c");

    keep(&fixture, "c", NULL, "paused");
    assert_next(&fixture, "resumed c");
    /* A look while the mark is still there. */
    make_process(&fixture, "c", "e1");
    assert_none(&fixture);
    take_away(&fixture, "c", "paused");

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_pause_after_a_pause_is_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "paused", "", 1000);
    begin(&fixture);
    assert_next(&fixture, "paused c");

    resume(&fixture, "c");
    put_at_time(&fixture, "c", "paused", "", 2000000000);

    assert_next(&fixture, "resumed c");
    assert_next(&fixture, "paused c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_calls_of_a_filter_are_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    begin(&fixture);
    assert_next(&fixture, "started c e1 41");
    assert_next(&fixture, "exited c e1 7");

    put(&fixture, "c", "e1/seccomp.json",
        "{\"time\":\"2026-01-31T23:59:59Z\",\"syscall\":\"mkdir\",\"count\":9}\n");
    remove_process(&fixture, "c", "e1");

    assert_next(&fixture, "seccomp c e1 9");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_two_followers_are_both_told(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    begin(&fixture);
    Fixture other = fixture;
    begin(&other);

    make_ended(&fixture, "c", "e1", "41");
    remove_process(&fixture, "c", "e1");

    assert_next(&fixture, "started c e1 41");
    assert_next(&other, "started c e1 41");
    g_object_unref(other.events);
    tear_down(&fixture);
}

static void
test_nothing_is_kept_where_nobody_follows(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    begin(&fixture);
    assert_spools(&fixture, 1);
    g_clear_object(&fixture.events);

    keep(&fixture, "c", "e1", NULL);

    assert_spools(&fixture, 0);
    tear_down(&fixture);
}

static void
test_spool_of_a_dead_follower_is_removed(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    g_autofree char *dead = at(&fixture, HF_EVENTS_SPOOL_PREFIX "00000000", "1-2-c");
    g_assert_cmpint(g_mkdir_with_parents(dead, 0700), ==, 0);

    keep(&fixture, "c", "e1", NULL);

    assert_spools(&fixture, 0);
    tear_down(&fixture);
}

static void
test_follower_who_takes_nothing_is_kept_so_much(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_ended(&fixture, "c", "e1", "41");
    begin(&fixture);

    for (guint i = 0; i < HF_EVENTS_SPOOL_MAX + 10; i++)
        keep(&fixture, "c", "e1", NULL);

    g_assert_cmpuint(count_kept(&fixture), ==, HF_EVENTS_SPOOL_MAX);
    assert_next(&fixture, "started c e1 41");
    assert_next(&fixture, "exited c e1 7");
    assert_none(&fixture);
    g_assert_cmpuint(count_kept(&fixture), ==, 1);
    tear_down(&fixture);
}

static void
test_who_may_not_write_follows_without_a_spool(void)
{
    Fixture fixture;

    uid_t uid = geteuid();

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    g_autofree char *path = at(&fixture, "c", NULL);
    g_assert_cmpint(chmod(path, 0755), ==, 0);
    g_assert_cmpint(chmod(fixture.root, 0555), ==, 0);
    if (uid == 0)
        g_assert_cmpint(seteuid(NOBODY), ==, 0);
    bool may_look = faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) == 0;
    if (may_look)
        begin(&fixture);
    g_assert_cmpint(seteuid(uid), ==, 0);
    if (!may_look) {
        g_test_skip("this machine has temporary files where others may not look");
        tear_down(&fixture);
        return;
    }

    assert_spools(&fixture, 0);
    g_assert_cmpint(chmod(fixture.root, 0700), ==, 0);
    hide(&fixture, "c");
    assert_next(&fixture, "deleted c");
    tear_down(&fixture);
}

#define ADD(name, test) hf_test_add("/library/events-spool/" name, test)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("exec-that-nobody-looked-at-is-told", test_exec_that_nobody_looked_at_is_told);
    ADD("of-an-exec-that-was-seen-the-rest-is-told",
        test_of_an_exec_that_was_seen_the_rest_is_told);
    ADD("exec-that-was-told-is-not-told-again", test_exec_that_was_told_is_not_told_again);
    ADD("two-of-one-name-are-both-told", test_two_of_one_name_are_both_told);
    ADD("container-that-nobody-looked-at-is-told", test_container_that_nobody_looked_at_is_told);
    ADD("container-that-was-seen-is-deleted-once", test_container_that_was_seen_is_deleted_once);
    ADD("container-of-the-same-name-is-another", test_container_of_the_same_name_is_another);
    ADD("pause-that-was-over-before-a-look-is-told",
        test_pause_that_was_over_before_a_look_is_told);
    ADD("pause-is-over-once", test_pause_is_over_once);
    ADD("pause-after-a-pause-is-told", test_pause_after_a_pause_is_told);
    ADD("calls-of-a-filter-are-told", test_calls_of_a_filter_are_told);
    ADD("two-followers-are-both-told", test_two_followers_are_both_told);
    ADD("nothing-is-kept-where-nobody-follows", test_nothing_is_kept_where_nobody_follows);
    ADD("spool-of-a-dead-follower-is-removed", test_spool_of_a_dead_follower_is_removed);
    ADD("follower-who-takes-nothing-is-kept-so-much",
        test_follower_who_takes_nothing_is_kept_so_much);
    ADD("who-may-not-write-follows-without-a-spool",
        test_who_may_not_write_follows_without_a_spool);
    return g_test_run();
}
