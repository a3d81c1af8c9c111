/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <poll.h>
#include <string.h>

#include "events-place.h"

#define MANY 100
/* More changes than /proc/sys/fs/inotify/max_queued_events has room for. */
#define QUEUE_MAX "/proc/sys/fs/inotify/max_queued_events"

static void
test_empty_root_has_no_events(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_missing_root_is_made(void)
{
    g_autoptr(GError) error = NULL;
    char *dir = hf_test_make_dir();
    g_autofree char *root = g_build_filename(dir, "a", "b", NULL);

    g_autoptr(HfEvents) events = hf_events_new(root, &error);

    g_assert_no_error(error);
    g_assert_true(g_file_test(root, G_FILE_TEST_IS_DIR));
    g_clear_object(&events);
    hf_test_remove_dir(dir);
}

static void
test_each_type_is_told_once_as_it_happens(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    make_process(&fixture, "c", "init");
    assert_none(&fixture);
    put(&fixture, "c", "init/pid", "41");
    assert_next(&fixture, "created c init 41");
    put(&fixture, "c", "init/started", "");
    assert_next(&fixture, "started c init 41");
    put(&fixture, "c", "paused", "");
    assert_next(&fixture, "paused c");
    take_away(&fixture, "c", "paused");
    assert_next(&fixture, "resumed c");
    put(&fixture, "c", "checkpointed", "one");
    assert_next(&fixture, "checkpointed c one");
    put(&fixture, "c", "init/oom", "2");
    assert_next(&fixture, "oom c init 2");
    put(&fixture, "c", "init/exitStatus", "137");
    assert_next(&fixture, "exited c init 137");
    hide(&fixture, "c");
    assert_next(&fixture, "deleted c");

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_exec_is_started_by_its_pid(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    make_process(&fixture, "c", "e1");
    put(&fixture, "c", "e1/pid", "42\n");
    assert_next(&fixture, "started c e1 42");
    put(&fixture, "c", "e1/exitStatus", "0");
    assert_next(&fixture, "exited c e1 0");

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_restored_process_is_started_by_its_pid(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "init/process.json", "{\"args\":[\"sh\"],\"checkpoint\":\"/images\"}");

    put(&fixture, "c", "init/pid", "43");

    assert_next(&fixture, "created c init 43");
    assert_next(&fixture, "started c init 43");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_what_was_there_comes_first_and_by_its_time(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "b", "init");
    make_process(&fixture, "a", "init");
    make_process(&fixture, "a", "e");
    put_at_time(&fixture, "b", "init/pid", "1", 1000);
    put_at_time(&fixture, "a", "init/pid", "2", 2000);
    put_at_time(&fixture, "b", "init/exitStatus", "3", 3000);
    put_at_time(&fixture, "a", "e/pid", "4", 4000);
    put_at_time(&fixture, "a", "init/exitStatus", "5", 5000);

    begin(&fixture);

    assert_next(&fixture, "created b init 1");
    assert_next(&fixture, "created a init 2");
    assert_next(&fixture, "exited b init 3");
    assert_next(&fixture, "started a e 4");
    g_autoptr(HfEvent) last = next(&fixture);
    g_assert_cmpint(hf_event_get_time_us(last), ==, (gint64)5000 * G_USEC_PER_SEC);
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_many_changes_of_one_look_are_told_by_their_time(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    make_process(&fixture, "c", "init");
    make_process(&fixture, "c", "a");
    put_at_time(&fixture, "c", "init/pid", "1", 1000);
    put_at_time(&fixture, "c", "init/exitStatus", "9", 4000);
    put_at_time(&fixture, "c", "a/pid", "2", 2000);
    put_at_time(&fixture, "c", "a/exitStatus", "8", 3000);

    assert_next(&fixture, "created c init 1");
    assert_next(&fixture, "started c a 2");
    assert_next(&fixture, "exited c a 8");
    assert_next(&fixture, "exited c init 9");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_more_kills_are_another_event_and_rewritten_files_are_none(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "init/pid", "1", 1000);
    put_at_time(&fixture, "c", "init/oom", "1", 2000);
    begin(&fixture);
    assert_next(&fixture, "created c init 1");
    assert_next(&fixture, "oom c init 1");

    put(&fixture, "c", "init/oom", "1");
    put(&fixture, "c", "init/pid", "1");
    put(&fixture, "c", "init/starttime", "5");
    assert_none(&fixture);
    put(&fixture, "c", "init/oom", "3");

    assert_next(&fixture, "oom c init 3");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_torn_and_empty_files_are_no_events_yet(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    make_process(&fixture, "c", "init");

    put(&fixture, "c", "init/pid", "");
    put(&fixture, "c", "init/exitStatus", "x");
    assert_none(&fixture);
    put(&fixture, "c", "init/pid", "7");

    assert_next(&fixture, "created c init 7");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_paused_anew_between_two_looks_is_both(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "paused", "", 1000);
    begin(&fixture);
    assert_next(&fixture, "paused c");

    take_away(&fixture, "c", "paused");
    put_at_time(&fixture, "c", "paused", "", 2000);

    assert_next(&fixture, "resumed c");
    assert_next(&fixture, "paused c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_second_checkpoint_of_a_name_is_told_too(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put_at_time(&fixture, "c", "checkpointed", "one", 1000);
    begin(&fixture);
    assert_next(&fixture, "checkpointed c one");

    put_at_time(&fixture, "c", "checkpointed", "one", 2000);

    assert_next(&fixture, "checkpointed c one");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_process_removed_and_made_again_is_another(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "e");
    put(&fixture, "c", "e/pid", "1");
    put(&fixture, "c", "e/exitStatus", "2");
    begin(&fixture);
    assert_next(&fixture, "started c e 1");
    assert_next(&fixture, "exited c e 2");

    take_away(&fixture, "c", "e/pid");
    take_away(&fixture, "c", "e/exitStatus");
    take_away(&fixture, "c", "e");
    make_process(&fixture, "c", "e");
    put(&fixture, "c", "e/pid", "3");

    assert_next(&fixture, "started c e 3");
    put(&fixture, "c", "e/exitStatus", "4");
    assert_next(&fixture, "exited c e 4");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_container_deleted_and_made_again_is_another(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "init/pid", "1");
    begin(&fixture);
    assert_next(&fixture, "created c init 1");

    hide(&fixture, "c");
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "state.json", "{}");
    put(&fixture, "c", "init/pid", "2");

    assert_next(&fixture, "deleted c");
    assert_next(&fixture, "created c init 2");
    put(&fixture, "c", "init/exitStatus", "0");
    assert_next(&fixture, "exited c init 0");
    hide(&fixture, "c");
    assert_next(&fixture, "deleted c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_directory_that_is_simply_removed_is_deleted(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "init/pid", "1");
    assert_next(&fixture, "created c init 1");

    take_away(&fixture, "c", "init/pid");
    take_away(&fixture, "c", "init");
    take_away(&fixture, "c", NULL);

    assert_next(&fixture, "deleted c");
    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_container_that_came_and_went_between_two_looks_is_none(void)
{
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);

    make_process(&fixture, "c", "init");
    hide(&fixture, "c");

    assert_none(&fixture);
    tear_down(&fixture);
}

static void
test_other_names_links_and_files_are_no_containers(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, ".new-c", "init");
    put(&fixture, ".new-c", "init/pid", "1");
    make_process(&fixture, "real", "x");
    g_autofree char *link = at(&fixture, "link", NULL);
    g_assert_cmpint(symlink("real", link), ==, 0);
    hf_test_write_file(fixture.root, "file", "");

    begin(&fixture);

    assert_none(&fixture);
    tear_down(&fixture);
}

/* The files in the hidden directory go on changing while it is removed. */
static void
test_nothing_is_told_of_what_was_deleted(void)
{
    g_autofree char *hidden = NULL;
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    begin(&fixture);
    g_autofree char *path = at(&fixture, "c", NULL);
    hidden = g_build_filename(fixture.root, ".deleted-c-1", NULL);
    g_assert_cmpint(rename(path, hidden), ==, 0);
    assert_next(&fixture, "deleted c");

    put(&fixture, ".deleted-c-1", "init/pid", "1");
    put(&fixture, ".deleted-c-1", "paused", "");

    assert_none(&fixture);
    tear_down(&fixture);
}

static guint
count(Fixture *self, HfEventType type)
{
    HfEvent *event = NULL;
    guint n = 0;

    while ((event = next(self)) != NULL) {
        n += hf_event_get_event_type(event) == type;
        hf_event_free(event);
    }
    return n;
}

static void
test_many_containers_are_each_told_once(void)
{
    Fixture fixture;
    guint n_created = 0;
    guint n_deleted = 0;

    set_up(&fixture);
    begin(&fixture);
    for (int i = 0; i < MANY; i++) {
        g_autofree char *id = g_strdup_printf("c%d", i);

        make_process(&fixture, id, "init");
        put(&fixture, id, "init/pid", "1");
    }
    n_created = count(&fixture, HF_EVENT_CREATED);

    for (int i = 0; i < MANY; i++) {
        g_autofree char *id = g_strdup_printf("c%d", i);
        hide(&fixture, id);
    }
    n_deleted = count(&fixture, HF_EVENT_DELETED);

    g_assert_cmpuint(n_created, ==, MANY);
    g_assert_cmpuint(n_deleted, ==, MANY);
    tear_down(&fixture);
}

static void
test_changes_that_inotify_lost_are_found(void)
{
    g_autofree char *text = NULL;
    Fixture fixture;
    guint64 queue_max = 0;

    g_assert_true(g_file_get_contents(QUEUE_MAX, &text, NULL, NULL));
    queue_max = g_ascii_strtoull(text, NULL, 10);
    if (queue_max > 100000) {
        g_test_skip("this machine's inotify queue is too long to be filled");
        return;
    }
    set_up(&fixture);
    make_process(&fixture, "old", "init");
    make_process(&fixture, "gone", "init");
    begin(&fixture);
    /* No two in a row may be the same: the kernel would join them. */
    g_autofree char *path = at(&fixture, "old", "x");
    for (guint64 i = 0; i <= queue_max / 2 + 1; i++) {
        g_assert_cmpint(mkdir(path, 0700), ==, 0);
        g_assert_cmpint(rmdir(path), ==, 0);
    }

    put_at_time(&fixture, "old", "init/pid", "1", 1000);
    make_process(&fixture, "new", "init");
    put_at_time(&fixture, "new", "init/pid", "2", 2000);
    hide(&fixture, "gone");

    assert_next(&fixture, "created old init 1");
    assert_next(&fixture, "created new init 2");
    assert_next(&fixture, "deleted gone");
    assert_none(&fixture);
    put(&fixture, "new", "init/exitStatus", "3");
    assert_next(&fixture, "exited new init 3");
    tear_down(&fixture);
}

static void
test_descriptor_is_readable_when_there_is_more(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    begin(&fixture);
    struct pollfd poll_fd = {.fd = hf_events_get_fd(fixture.events), .events = POLLIN};
    assert_none(&fixture);
    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);

    put(&fixture, "c", "init/pid", "1");

    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 1);
    assert_next(&fixture, "created c init 1");
    assert_none(&fixture);
    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);
    tear_down(&fixture);
}

/* To look must not be a change. */
static void
test_looking_wakes_nobody(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "init/pid", "1");
    begin(&fixture);
    g_autoptr(HfEvents) other = hf_events_new(fixture.root, NULL);
    struct pollfd poll_fd = {.fd = hf_events_get_fd(other), .events = POLLIN};

    assert_next(&fixture, "created c init 1");
    assert_none(&fixture);

    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);
    tear_down(&fixture);
}

static gpointer
make_one(gpointer data)
{
    const Fixture *fixture = data;

    make_process(fixture, "c", "init");
    put(fixture, "c", "init/pid", "1");
    return NULL;
}

static void
test_waiting_ends_with_an_event(void)
{
    g_autoptr(GError) error = NULL;
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    GThread *thread = g_thread_new("maker", make_one, &fixture);

    g_autoptr(HfEvent) event = hf_events_next(fixture.events, NULL, &error);

    g_thread_join(thread);
    g_assert_no_error(error);
    g_autofree char *text = describe(event);
    g_assert_cmpstr(text, ==, "created c init 1");
    tear_down(&fixture);
}

static gpointer
cancel(gpointer cancellable)
{
    g_cancellable_cancel(cancellable);
    return NULL;
}

static void
test_waiting_can_be_cancelled(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    Fixture fixture;

    set_up(&fixture);
    begin(&fixture);
    GThread *thread = g_thread_new("cancel", cancel, cancellable);

    g_autoptr(HfEvent) event = hf_events_next(fixture.events, cancellable, &error);

    g_thread_join(thread);
    g_assert_null(event);
    g_assert_error(error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
    tear_down(&fixture);
}

static void
test_copy_of_an_event_is_its_own(void)
{
    Fixture fixture;

    set_up(&fixture);
    make_process(&fixture, "c", "init");
    put(&fixture, "c", "checkpointed", "one");
    begin(&fixture);
    HfEvent *event = next(&fixture);

    g_autoptr(HfEvent) copy = hf_event_copy(event);
    hf_event_free(event);

    g_autofree char *text = describe(copy);
    g_assert_cmpstr(text, ==, "checkpointed c one");
    tear_down(&fixture);
}

#define ADD(name, function) hf_test_add("/library/events/" name, function)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("empty-root-has-no-events", test_empty_root_has_no_events);
    ADD("missing-root-is-made", test_missing_root_is_made);
    ADD("each-type-is-told-once-as-it-happens", test_each_type_is_told_once_as_it_happens);
    ADD("exec-is-started-by-its-pid", test_exec_is_started_by_its_pid);
    ADD("restored-process-is-started-by-its-pid", test_restored_process_is_started_by_its_pid);
    ADD("what-was-there-comes-first-and-by-its-time",
        test_what_was_there_comes_first_and_by_its_time);
    ADD("many-changes-of-one-look-are-told-by-their-time",
        test_many_changes_of_one_look_are_told_by_their_time);
    ADD("more-kills-are-another-event-and-rewritten-files-are-none",
        test_more_kills_are_another_event_and_rewritten_files_are_none);
    ADD("torn-and-empty-files-are-no-events-yet", test_torn_and_empty_files_are_no_events_yet);
    ADD("paused-anew-between-two-looks-is-both", test_paused_anew_between_two_looks_is_both);
    ADD("second-checkpoint-of-a-name-is-told-too", test_second_checkpoint_of_a_name_is_told_too);
    ADD("process-removed-and-made-again-is-another",
        test_process_removed_and_made_again_is_another);
    ADD("container-deleted-and-made-again-is-another",
        test_container_deleted_and_made_again_is_another);
    ADD("directory-that-is-simply-removed-is-deleted",
        test_directory_that_is_simply_removed_is_deleted);
    ADD("container-that-came-and-went-between-two-looks-is-none",
        test_container_that_came_and_went_between_two_looks_is_none);
    ADD("other-names-links-and-files-are-no-containers",
        test_other_names_links_and_files_are_no_containers);
    ADD("nothing-is-told-of-what-was-deleted", test_nothing_is_told_of_what_was_deleted);
    ADD("many-containers-are-each-told-once", test_many_containers_are_each_told_once);
    ADD("changes-that-inotify-lost-are-found", test_changes_that_inotify_lost_are_found);
    ADD("descriptor-is-readable-when-there-is-more",
        test_descriptor_is_readable_when_there_is_more);
    ADD("looking-wakes-nobody", test_looking_wakes_nobody);
    ADD("waiting-ends-with-an-event", test_waiting_ends_with_an_event);
    ADD("waiting-can-be-cancelled", test_waiting_can_be_cancelled);
    ADD("copy-of-an-event-is-its-own", test_copy_of_an_event_is_its_own);
    return g_test_run();
}
