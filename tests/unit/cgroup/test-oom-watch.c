/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Most tests use a directory that looks like a cgroup. What a plain file cannot do (wake a reader,
 * vanish under it) is tried with a memory cgroup of this machine, where that is allowed. */

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
#include "test-kit.h"

#define LIMIT_TEXT "8388608"
#define EATEN_BYTES (64 * 1024 * 1024)

typedef struct {
    guint calls;
    guint64 kills;
} Told;

static void
on_oom(guint64 kills, gpointer user_data)
{
    Told *told = user_data;

    told->calls++;
    told->kills = kills;
}

static bool
was_told(gpointer user_data)
{
    const Told *told = user_data;

    return told->calls > 0;
}

/* Rewrites in place, so that a descriptor that is open sees it. */
static void
rewrite(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);
    FILE *file = fopen(path, "we");

    g_assert_nonnull(file);
    g_assert_cmpint(fputs(text, file), >=, 0);
    g_assert_cmpint(fclose(file), ==, 0);
}

static HfOomWatch *
watch_dir(const char *dir, HfCgroupVersion version, Told *told)
{
    g_autoptr(GError) error = NULL;
    HfOomWatch *watch = hf_oom_watch_new_for_path(NULL, dir, version, on_oom, told, &error);

    g_assert_no_error(error);
    g_assert_nonnull(watch);
    return watch;
}

static void
check(HfOomWatch *watch)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(hf_oom_watch_check(watch, &error));
    g_assert_no_error(error);
}

static void
assert_check_fails(HfOomWatch *watch, HfError code)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(hf_oom_watch_check(watch, &error));
    g_assert_error(error, HF_ERROR, (int)code);
}

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
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", "low 0\noom 11\noom_kill 7\noom_group_kill 0\n");
    check(watch);

    g_assert_cmpuint(told.calls, ==, 1);
    g_assert_cmpuint(told.kills, ==, 2);
    hf_test_remove_dir(dir);
}

static void
test_a_count_is_told_once(void)
{
    char *dir = make_v2_dir("oom_kill 0\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    check(watch);
    g_assert_cmpuint(told.calls, ==, 0);
    rewrite(dir, "memory.events", "oom_kill 1\n");
    check(watch);
    check(watch);

    g_assert_cmpuint(told.calls, ==, 1);
    hf_test_remove_dir(dir);
}

static void
test_only_oom_kill_is_a_kill(void)
{
    char *dir = make_v2_dir("high 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", "high 3\nmax 4\noom 5\noom_kill 0\noom_group_kill 6\n");
    check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_a_count_that_falls_is_no_kill(void)
{
    char *dir = make_v2_dir("oom_kill 5\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", "oom_kill 2\n");
    check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_the_largest_count_is_a_number(void)
{
    char *dir = make_v2_dir("oom_kill 0\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", "oom_kill 18446744073709551615\n");
    check(watch);

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
        Told told = {0};
        g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

        g_test_message("case %u", i);
        rewrite(dir, "memory.events", texts[i]);

        assert_check_fails(watch, HF_ERROR_PROTOCOL);
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
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", text);

    assert_check_fails(watch, HF_ERROR_PROTOCOL);
    g_assert_cmpuint(told.calls, ==, 0);
    hf_test_remove_dir(dir);
}

static void
test_check_works_again_after_garbage(void)
{
    char *dir = make_v2_dir("oom_kill 1\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V2, &told);

    rewrite(dir, "memory.events", "oom_kill many\n");
    assert_check_fails(watch, HF_ERROR_PROTOCOL);
    rewrite(dir, "memory.events", "oom_kill 2\n");
    check(watch);

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
        watch = hf_oom_watch_new_for_path(NULL, dir, cases[i].version, on_oom, NULL, &error);

        g_assert_null(watch);
        g_assert_error(error, HF_ERROR, (int)cases[i].code);
        hf_test_remove_dir(dir);
    }
}

static void
test_missing_directory_is_a_removed_cgroup(void)
{
    g_autoptr(GError) error = NULL;
    HfOomWatch *watch =
        hf_oom_watch_new_for_path(NULL, "/nonexistent/cgroup", HF_CGROUP_V2, on_oom, NULL, &error);

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
    HfOomWatch *watch = hf_oom_watch_new_for_path(NULL, dir, HF_CGROUP_V1, on_oom, NULL, &error);

    g_assert_null(watch);
    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
    hf_test_remove_dir(dir);
}

static void
test_v1_event_leads_to_a_look(void)
{
    char *dir = make_v1_dir("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    Told told = {0};
    HfOomWatch *watch = watch_dir(dir, HF_CGROUP_V1, &told);

    rewrite(dir, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 5\n");
    signal_v1_event(dir);
    hf_test_wait(NULL, "the kill to be told", was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

static void
test_v1_kill_counted_after_the_event_is_found(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    Told told = {0};
    HfOomWatch *watch = watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(told.calls, ==, 0);
    rewrite(dir, "memory.oom_control", "oom_kill 1\n");
    hf_test_wait(NULL, "the kill to be told", was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

/* Whether the default context would sleep for ever. */
static bool
is_idle(void)
{
    GPollFD fds[8];
    int timeout_ms = 0;
    int priority = 0;
    GMainContext *context = g_main_context_default();

    g_assert_true(g_main_context_acquire(context));
    bool is_ready = g_main_context_prepare(context, &priority);
    (void)g_main_context_query(context, priority, &timeout_ms, fds, G_N_ELEMENTS(fds));
    g_main_context_release(context);
    return !is_ready && timeout_ms < 0;
}

static void
test_v1_event_without_a_kill_ends_in_idleness(void)
{
    char *dir = make_v1_dir("oom_kill_disable 1\nunder_oom 1\noom_kill 0\n");
    Told told = {0};
    HfOomWatch *watch = watch_dir(dir, HF_CGROUP_V1, &told);

    g_assert_true(is_idle());
    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_false(is_idle());
    while (!is_idle())
        (void)g_main_context_iteration(NULL, TRUE);

    g_assert_cmpuint(told.calls, ==, 0);
    hf_oom_watch_free(watch);
    hf_test_remove_dir(dir);
}

static void
test_v1_without_events_is_watched_by_check(void)
{
    char *dir = hf_test_make_dir();
    Told told = {0};

    hf_test_write_file(dir, "memory.oom_control", "oom_kill 0\n");
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V1, &told);
    rewrite(dir, "memory.oom_control", "oom_kill 3\n");
    check(watch);

    g_assert_cmpuint(told.kills, ==, 3);
    hf_test_remove_dir(dir);
}

static void
test_v1_without_a_count_counts_events(void)
{
    char *dir = make_v1_dir("oom_kill_disable 0\nunder_oom 0\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    hf_test_wait(NULL, "the first kill to be told", was_told, &told);
    g_assert_cmpuint(told.kills, ==, 1);
    signal_v1_event(dir);
    check(watch);
    hf_test_settle(NULL);

    g_assert_cmpuint(told.calls, ==, 2);
    g_assert_cmpuint(told.kills, ==, 2);
    hf_test_remove_dir(dir);
}

static void
test_unreadable_count_ends_the_waking(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    Told told = {0};
    g_autoptr(HfOomWatch) watch = watch_dir(dir, HF_CGROUP_V1, &told);

    rewrite(dir, "memory.oom_control", "rubbish\n");
    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);

    g_assert_true(is_idle());
    assert_check_fails(watch, HF_ERROR_PROTOCOL);
    hf_test_remove_dir(dir);
}

static void
test_freed_with_an_event_pending(void)
{
    char *dir = make_v1_dir("oom_kill 0\n");
    Told told = {0};
    HfOomWatch *watch = watch_dir(dir, HF_CGROUP_V1, &told);

    signal_v1_event(dir);
    (void)g_main_context_iteration(NULL, TRUE);
    rewrite(dir, "memory.oom_control", "oom_kill 1\n");
    signal_v1_event(dir);
    hf_oom_watch_free(watch);
    hf_test_settle(NULL);

    g_assert_cmpuint(told.calls, ==, 0);
    g_assert_true(is_idle());
    hf_test_remove_dir(dir);
}

static void
test_free_accepts_null(void)
{
    hf_oom_watch_free(NULL);
}

/* A new memory cgroup of 8 MiB; NULL, and the test skipped, where there can be none. */
static char *
make_real_cgroup(HfCgroupVersion *out_version)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *own = hf_cgroup_path_of_process(getpid(), "memory", out_version, &error);

    if (own == NULL)
        return g_test_skip(error->message), NULL;
    bool is_v1 = *out_version == HF_CGROUP_V1;
    /* v2: what has processes has no children with a memory controller. */
    g_autofree char *type = g_build_filename(own, "cgroup.type", NULL);
    bool is_root = !is_v1 && access(type, F_OK) < 0;
    g_autofree char *parent = is_v1 || is_root ? g_strdup(own) : g_path_get_dirname(own);
    g_autofree char *name = g_strdup_printf("holdfast-test-%d", (int)getpid());
    g_autofree char *dir = g_build_filename(parent, name, NULL);
    g_autofree char *limit =
        g_build_filename(dir, is_v1 ? "memory.limit_in_bytes" : "memory.max", NULL);

    if (mkdir(dir, 0700) < 0)
        return g_test_skip("no right to make a cgroup here"), NULL;
    if (access(limit, W_OK) < 0) {
        g_assert_cmpint(rmdir(dir), ==, 0);
        return g_test_skip("no memory controller for new cgroups here"), NULL;
    }
    rewrite(dir, is_v1 ? "memory.limit_in_bytes" : "memory.max", LIMIT_TEXT);
    if (!is_v1 && hf_test_file_exists(dir, "memory.swap.max"))
        rewrite(dir, "memory.swap.max", "0");
    if (is_v1 && hf_test_file_exists(dir, "memory.memsw.limit_in_bytes"))
        rewrite(dir, "memory.memsw.limit_in_bytes", LIMIT_TEXT);
    return g_steal_pointer(&dir);
}

static bool
is_removed(gpointer user_data)
{
    return rmdir(user_data) == 0 || errno == ENOENT;
}

/* Goes into the cgroup and eats more than it may. */
static pid_t
spawn_eater(const char *dir)
{
    g_autofree char *procs = g_build_filename(dir, "cgroup.procs", NULL);
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    int fd = open(procs, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        _exit(2);
    volatile char *memory =
        mmap(NULL, EATEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; memory != MAP_FAILED && i < EATEN_BYTES; i += 4096)
        memory[i] = 1;
    _exit(3);
}

static void
assert_killed(pid_t pid)
{
    int status = 0;

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGKILL);
}

static void
test_real_kill_wakes_the_watch(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    Told told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(dir);
    hf_test_wait(NULL, "the kernel to kill the eater", was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    assert_killed(pid);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

static void
test_real_kill_is_counted_before_the_reaping(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    Told told = {0};
    siginfo_t info;

    if (dir == NULL)
        return;
    HfOomWatch *watch = watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(dir);
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
    check(watch);

    g_assert_cmpuint(told.kills, ==, 1);
    assert_killed(pid);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

static void
test_real_kill_of_a_second_process_is_told(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    Told told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = watch_dir(dir, version, &told);
    pid_t first = spawn_eater(dir);
    hf_test_wait(NULL, "the first kill", was_told, &told);
    assert_killed(first);
    told.calls = 0;
    pid_t second = spawn_eater(dir);
    hf_test_wait(NULL, "the second kill", was_told, &told);

    g_assert_cmpuint(told.kills, ==, 2);
    assert_killed(second);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

static void
test_real_removal_is_no_kill_and_ends_the_waking(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    g_autoptr(GError) error = NULL;
    Told told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = watch_dir(dir, version, &told);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
    /* The first thing that wakes us is the removal. */
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_false(hf_oom_watch_check(watch, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "Cgroup appears to have been removed");
    g_assert_cmpuint(told.calls, ==, 0);
    g_assert_true(is_idle());
    g_assert_false(g_main_context_pending(NULL));
    hf_oom_watch_free(watch);
}

static void
test_real_process_is_watched_by_pid(void)
{
    g_autoptr(GError) error = NULL;
    Told told = {0};
    g_autoptr(HfOomWatch) watch = hf_oom_watch_new(NULL, getpid(), on_oom, &told, &error);

    if (watch == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
        g_test_skip(error->message);
        return;
    }
    check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
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
    hf_test_add("/cgroup/oom-watch/unreadable-count-ends-the-waking",
                test_unreadable_count_ends_the_waking);
    hf_test_add("/cgroup/oom-watch/freed-with-an-event-pending", test_freed_with_an_event_pending);
    hf_test_add("/cgroup/oom-watch/free-accepts-null", test_free_accepts_null);
    hf_test_add("/cgroup/oom-watch/real-kill-wakes-the-watch", test_real_kill_wakes_the_watch);
    hf_test_add("/cgroup/oom-watch/real-kill-is-counted-before-the-reaping",
                test_real_kill_is_counted_before_the_reaping);
    hf_test_add("/cgroup/oom-watch/real-kill-of-a-second-process-is-told",
                test_real_kill_of_a_second_process_is_told);
    hf_test_add("/cgroup/oom-watch/real-removal-is-no-kill-and-ends-the-waking",
                test_real_removal_is_no_kill_and_ends_the_waking);
    hf_test_add("/cgroup/oom-watch/real-process-is-watched-by-pid",
                test_real_process_is_watched_by_pid);
    return g_test_run();
}
