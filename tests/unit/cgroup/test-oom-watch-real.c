/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The OOM watch of a memory cgroup of this machine, where that is allowed. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/error.h"
#include "cgroup/oom-watch.h"
#include "oom-kit.h"
#include "test-kit.h"

#define LIMIT_TEXT "8388608"
#define EATEN_BYTES (64 * 1024 * 1024)

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
    oom_kit_rewrite(dir, is_v1 ? "memory.limit_in_bytes" : "memory.max", LIMIT_TEXT);
    if (!is_v1 && hf_test_file_exists(dir, "memory.swap.max"))
        oom_kit_rewrite(dir, "memory.swap.max", "0");
    if (is_v1 && hf_test_file_exists(dir, "memory.memsw.limit_in_bytes"))
        oom_kit_rewrite(dir, "memory.memsw.limit_in_bytes", LIMIT_TEXT);
    return g_steal_pointer(&dir);
}

static bool
is_removed(gpointer user_data)
{
    return rmdir(user_data) == 0 || errno == ENOENT;
}

static void
enter(const char *dir)
{
    g_autofree char *procs = g_build_filename(dir, "cgroup.procs", NULL);
    int fd = open(procs, O_WRONLY | O_CLOEXEC);

    if (fd < 0 || write(fd, "0", 1) != 1)
        _exit(2);
}

/* Goes into the cgroup and eats more than it may. */
static pid_t
spawn_eater(const char *dir)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    enter(dir);
    volatile char *memory =
        mmap(NULL, EATEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (size_t i = 0; memory != MAP_FAILED && i < EATEN_BYTES; i += 4096)
        memory[i] = 1;
    _exit(3);
}

/* Is in the cgroup when this returns, and stays. */
static pid_t
spawn_idler(const char *dir)
{
    int fds[2];
    char byte;
    pid_t pid;

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    pid = fork();
    if (pid == 0) {
        enter(dir);
        (void)!write(fds[1], "x", 1);
        hf_test_wait_for_kill();
    }
    g_assert_cmpint(close(fds[1]), ==, 0);
    g_assert_cmpint(read(fds[0], &byte, 1), ==, 1);
    g_assert_cmpint(close(fds[0]), ==, 0);
    return pid;
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
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(dir);
    hf_test_wait(NULL, "the kernel to kill the eater", oom_kit_was_told, &told);

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
    OomKitTold told = {0};
    siginfo_t info;

    if (dir == NULL)
        return;
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(dir);
    g_assert_cmpint(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), ==, 0);
    oom_kit_check(watch);

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
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t first = spawn_eater(dir);
    hf_test_wait(NULL, "the first kill", oom_kit_was_told, &told);
    assert_killed(first);
    told.calls = 0;
    pid_t second = spawn_eater(dir);
    hf_test_wait(NULL, "the second kill", oom_kit_was_told, &told);

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
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
    /* The first thing that wakes us is the removal. */
    (void)g_main_context_iteration(NULL, TRUE);
    g_assert_false(hf_oom_watch_check(watch, &error));

    g_assert_error(error, HF_ERROR, HF_ERROR_NOT_FOUND);
    g_assert_cmpstr(error->message, ==, "Cgroup appears to have been removed");
    g_assert_cmpuint(told.calls, ==, 0);
    g_assert_true(oom_kit_is_idle());
    /* Of an event that is on its way the watch is told once more, whenever it comes, and then of
     * none: one that was always ready would be so at each look. */
    guint n_ready = 0;
    for (guint i = 0; i < 100; i++) {
        n_ready += g_main_context_pending(NULL);
        (void)g_main_context_iteration(NULL, FALSE);
    }
    g_assert_cmpuint(n_ready, <, 10);
    hf_oom_watch_free(watch);
}

/* A cgroup below @dir that has the memory controller. (transfer full) */
static char *
add_real_nested(const char *dir, HfCgroupVersion version)
{
    char *nested = g_build_filename(dir, "nested", NULL);

    if (version == HF_CGROUP_V2)
        oom_kit_rewrite(dir, "cgroup.subtree_control", "+memory");
    g_assert_cmpint(mkdir(nested, 0700), ==, 0);
    return nested;
}

/* The limit is that of the cgroup above. */
static void
test_real_kill_in_a_nested_cgroup_wakes_the_watch(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    g_autofree char *nested = add_real_nested(dir, version);
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(nested);
    hf_test_wait(NULL, "the kernel to kill the eater", oom_kit_was_told, &told);

    g_assert_cmpuint(told.kills, ==, 1);
    assert_killed(pid);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the nested cgroup to be removed", is_removed, nested);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

static void
test_real_kill_by_a_nested_limit_is_found_by_check(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    g_autofree char *nested = add_real_nested(dir, version);
    oom_kit_rewrite(nested, version == HF_CGROUP_V1 ? "memory.limit_in_bytes" : "memory.max",
                    "4194304");
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t pid = spawn_eater(nested);
    assert_killed(pid);
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, ==, 1);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the nested cgroup to be removed", is_removed, nested);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

/* Each process of the group counts, and the one that was picked first may count twice. */
static void
test_real_group_kill_counts_each_process(void)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    g_autofree char *dir = make_real_cgroup(&version);
    OomKitTold told = {0};

    if (dir == NULL)
        return;
    if (!hf_test_file_exists(dir, "memory.oom.group")) {
        hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
        g_test_skip("this machine has no group kill, which needs cgroup v2");
        return;
    }
    oom_kit_rewrite(dir, "memory.oom.group", "1");
    HfOomWatch *watch = oom_kit_watch_dir(dir, version, &told);
    pid_t idler = spawn_idler(dir);
    pid_t eater = spawn_eater(dir);
    assert_killed(eater);
    assert_killed(idler);
    oom_kit_check(watch);

    g_assert_cmpuint(told.kills, >=, 2);
    g_assert_cmpuint(told.kills, <=, 3);
    hf_oom_watch_free(watch);
    hf_test_wait(NULL, "the cgroup to be removed", is_removed, dir);
}

static void
test_real_process_is_watched_by_pid(void)
{
    g_autoptr(GError) error = NULL;
    OomKitTold told = {0};
    g_autoptr(HfOomWatch) watch = hf_oom_watch_new(NULL, getpid(), oom_kit_on_oom, &told, &error);

    if (watch == NULL) {
        g_assert_error(error, HF_ERROR, HF_ERROR_NOT_SUPPORTED);
        g_test_skip(error->message);
        return;
    }
    oom_kit_check(watch);

    g_assert_cmpuint(told.calls, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/cgroup/oom-watch-real/kill-wakes-the-watch", test_real_kill_wakes_the_watch);
    hf_test_add("/cgroup/oom-watch-real/kill-is-counted-before-the-reaping",
                test_real_kill_is_counted_before_the_reaping);
    hf_test_add("/cgroup/oom-watch-real/kill-of-a-second-process-is-told",
                test_real_kill_of_a_second_process_is_told);
    hf_test_add("/cgroup/oom-watch-real/removal-is-no-kill-and-ends-the-waking",
                test_real_removal_is_no_kill_and_ends_the_waking);
    hf_test_add("/cgroup/oom-watch-real/kill-in-a-nested-cgroup-wakes-the-watch",
                test_real_kill_in_a_nested_cgroup_wakes_the_watch);
    hf_test_add("/cgroup/oom-watch-real/kill-by-a-nested-limit-is-found-by-check",
                test_real_kill_by_a_nested_limit_is_found_by_check);
    hf_test_add("/cgroup/oom-watch-real/group-kill-counts-each-process",
                test_real_group_kill_counts_each_process);
    hf_test_add("/cgroup/oom-watch-real/process-is-watched-by-pid",
                test_real_process_is_watched_by_pid);
    return g_test_run();
}
