/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Most tests start the fake runtime, which writes what it was given into files. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/spawn.h"
#include "test-kit.h"

static int
wait_for(pid_t pid)
{
    int status = -1;

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    return status;
}

/* Runs @options, whose argv is set here, with FAKE_RUNTIME_SCRIPT in front of its environment, and
 * returns the directory with the record. */
static char *
run_recorder(HfSpawnOptions *options, pid_t *out_pid)
{
    char *dir = hf_test_make_dir();
    g_autofree char *program =
        g_test_build_filename(G_TEST_BUILT, "programs", "fake-runtime", NULL);
    g_autofree char *script = g_strdup_printf("events: stdout x\nevents: record %s/record\n", dir);
    g_autofree char *variable = g_strdup_printf("FAKE_RUNTIME_SCRIPT=%s/script", dir);
    const char *const argv[] = {program, "events", "a b", "", NULL};
    const char *no_env[] = {NULL};
    const char *const *source = options->envp == NULL ? no_env : options->envp;
    g_autoptr(GPtrArray) envp = g_ptr_array_new();
    g_autoptr(GError) error = NULL;

    hf_test_write_file(dir, "script", script);
    g_ptr_array_add(envp, variable);
    for (; *source != NULL; source++)
        g_ptr_array_add(envp, (gpointer)*source);
    g_ptr_array_add(envp, NULL);
    options->argv = argv;
    options->envp = (const char *const *)envp->pdata;
    pid_t pid = hf_spawn(options, &error);
    g_assert_no_error(error);
    g_assert_cmpint(pid, >, 0);
    g_assert_cmpint(wait_for(pid), ==, 0);
    if (out_pid != NULL)
        *out_pid = pid;
    return dir;
}

static char *
read_record(const char *dir, const char *name)
{
    g_autofree char *record = g_build_filename(dir, "record", NULL);

    return hf_test_read_file(record, name);
}

/* The rest of the line of the record's @name that begins with @prefix, or NULL. */
static char *
record_line(const char *dir, const char *name, const char *prefix)
{
    g_autofree char *text = read_record(dir, name);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line != NULL; line++) {
        if (g_str_has_prefix(*line, prefix))
            return g_strstrip(g_strdup(*line + strlen(prefix)));
    }
    return NULL;
}

static HfSpawnOptions
null_options(void)
{
    return (HfSpawnOptions){
        .stdin_fd = HF_SPAWN_NULL,
        .stdout_fd = HF_SPAWN_NULL,
        .stderr_fd = HF_SPAWN_NULL,
    };
}

static void
make_pipe(int *out_read_fd, int *out_write_fd)
{
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    *out_read_fd = fds[0];
    *out_write_fd = fds[1];
}

/* Runs @script in sh until it has ended. */
static void
run_shell(HfSpawnOptions *options, const char *script)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    g_autoptr(GError) error = NULL;

    options->argv = argv;
    pid_t pid = hf_spawn(options, &error);
    g_assert_no_error(error);
    g_assert_cmpint(wait_for(pid), ==, 0);
}

static char *
read_to_end(int fd)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char bytes[256];
    ssize_t n;

    while ((n = read(fd, bytes, sizeof bytes)) > 0)
        g_string_append_len(text, bytes, n);
    g_assert_cmpint((int)n, ==, 0);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* The target of descriptor @number in the record, compared with what this process has as @fd. */
static void
assert_recorded_fd(const char *dir, int number, int fd)
{
    g_autofree char *prefix = g_strdup_printf("%d ", number);
    g_autofree char *recorded = record_line(dir, "fds", prefix);
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    g_autofree char *expected = g_file_read_link(link, NULL);

    g_assert_cmpstr(recorded, ==, expected);
}

/* Keeps descriptors 0-2 while a test rearranges them. */
typedef struct {
    int saved[3];
} StandardStreams;

static void
save_streams(StandardStreams *streams)
{
    for (int fd = 0; fd <= 2; fd++) {
        streams->saved[fd] = fcntl(fd, F_DUPFD_CLOEXEC, 50);
        g_assert_cmpint(streams->saved[fd], >=, 0);
    }
}

static void
restore_streams(StandardStreams *streams)
{
    for (int fd = 0; fd <= 2; fd++) {
        (void)dup2(streams->saved[fd], fd);
        hf_close_fd(&streams->saved[fd]);
    }
}

static void
test_arguments_arrive_unchanged(void)
{
    HfSpawnOptions options = null_options();

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "argv");
    g_assert_true(g_str_has_suffix(text, "/fake-runtime\nevents\na b\n\n"));
    hf_test_remove_dir(dir);
}

static void
test_environment_is_exactly_the_given_one(void)
{
    const char *const envp[] = {"A=1", "EMPTY=", "LISTEN_PIDS=x", NULL};
    HfSpawnOptions options = null_options();
    options.envp = envp;

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "env");
    g_assert_true(g_str_has_prefix(text, "FAKE_RUNTIME_SCRIPT="));
    g_assert_true(g_str_has_suffix(text, "/script\nA=1\nEMPTY=\nLISTEN_PIDS=x\n"));
    hf_test_remove_dir(dir);
}

static void
test_no_environment_means_that_of_this_process(void)
{
    HfSpawnOptions options = null_options();
    hf_autofd read_fd = -1;
    hf_autofd write_fd = -1;
    make_pipe(&read_fd, &write_fd);
    options.stdout_fd = write_fd;
    g_setenv("HF_TEST_SPAWN", "from the parent", TRUE);

    run_shell(&options, "printf %s \"$HF_TEST_SPAWN\"");

    g_unsetenv("HF_TEST_SPAWN");
    hf_close_fd(&write_fd);
    g_autofree char *text = read_to_end(read_fd);
    g_assert_cmpstr(text, ==, "from the parent");
}

static void
test_exit_status_is_left_for_the_caller(void)
{
    const char *const argv[] = {"/bin/sh", "-c", "exit 7", NULL};
    HfSpawnOptions options = null_options();
    g_autoptr(GError) error = NULL;
    options.argv = argv;

    pid_t pid = hf_spawn(&options, &error);

    g_assert_no_error(error);
    int status = wait_for(pid);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 7);
}

static void
test_streams_are_the_given_descriptors(void)
{
    HfSpawnOptions options = null_options();
    hf_autofd in_read = -1;
    hf_autofd in_write = -1;
    hf_autofd out_read = -1;
    hf_autofd out_write = -1;
    hf_autofd err_read = -1;
    hf_autofd err_write = -1;
    make_pipe(&in_read, &in_write);
    make_pipe(&out_read, &out_write);
    make_pipe(&err_read, &err_write);
    options.stdin_fd = in_read;
    options.stdout_fd = out_write;
    options.stderr_fd = err_write;
    g_assert_cmpint(write(in_write, "hello\n", 6), ==, 6);

    run_shell(&options, "read line; echo got $line; echo error >&2");

    hf_close_fd(&out_write);
    hf_close_fd(&err_write);
    g_autofree char *out_text = read_to_end(out_read);
    g_autofree char *err_text = read_to_end(err_read);
    g_assert_cmpstr(out_text, ==, "got hello\n");
    g_assert_cmpstr(err_text, ==, "error\n");
}

static void
test_one_descriptor_may_serve_twice(void)
{
    HfSpawnOptions options = null_options();
    hf_autofd read_fd = -1;
    hf_autofd write_fd = -1;
    make_pipe(&read_fd, &write_fd);
    options.stdout_fd = write_fd;
    options.stderr_fd = write_fd;

    run_shell(&options, "echo out; echo err >&2");

    hf_close_fd(&write_fd);
    g_autofree char *text = read_to_end(read_fd);
    g_assert_cmpstr(text, ==, "out\nerr\n");
}

static void
test_null_streams_are_dev_null(void)
{
    HfSpawnOptions options = null_options();

    char *dir = run_recorder(&options, NULL);

    g_autofree char *in = record_line(dir, "fds", "0 ");
    g_autofree char *out = record_line(dir, "fds", "1 ");
    g_autofree char *err = record_line(dir, "fds", "2 ");
    g_assert_cmpstr(in, ==, "/dev/null");
    g_assert_cmpstr(out, ==, "/dev/null");
    g_assert_cmpstr(err, ==, "/dev/null");
    hf_test_remove_dir(dir);
}

static void
test_inherited_streams_are_those_of_this_process(void)
{
    HfSpawnOptions options = {
        .stdin_fd = HF_SPAWN_INHERIT, .stdout_fd = HF_SPAWN_NULL, .stderr_fd = HF_SPAWN_INHERIT};

    char *dir = run_recorder(&options, NULL);

    assert_recorded_fd(dir, 0, 0);
    assert_recorded_fd(dir, 2, 2);
    hf_test_remove_dir(dir);
}

/* Which of this process's descriptors 0-2 becomes which of the child's. */
typedef struct {
    int sources[3];
} Arrangement;

static void
check_arrangement(const Arrangement *arrangement)
{
    HfSpawnOptions options = {
        .stdin_fd = arrangement->sources[0],
        .stdout_fd = arrangement->sources[1],
        .stderr_fd = arrangement->sources[2],
    };
    StandardStreams streams;
    int pipes[3][2];
    char *dir;

    save_streams(&streams);
    for (int i = 0; i < 3; i++) {
        make_pipe(&pipes[i][0], &pipes[i][1]);
        g_assert_cmpint(dup3(pipes[i][1], i, O_CLOEXEC), ==, i);
    }
    dir = run_recorder(&options, NULL);
    restore_streams(&streams);
    for (int i = 0; i < 3; i++)
        assert_recorded_fd(dir, i, pipes[arrangement->sources[i]][1]);
    for (int i = 0; i < 3; i++) {
        hf_close_fd(&pipes[i][0]);
        hf_close_fd(&pipes[i][1]);
    }
    hf_test_remove_dir(dir);
}

static void
test_standard_descriptors_may_be_rearranged(void)
{
    static const Arrangement arrangements[] = {
        {{0, 1, 2}}, {{1, 0, 2}}, {{2, 1, 0}}, {{0, 2, 1}},
        {{1, 2, 0}}, {{2, 0, 1}}, {{2, 2, 2}}, {{1, 0, 0}},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(arrangements); i++)
        check_arrangement(&arrangements[i]);
}

static void
test_works_with_closed_standard_streams(void)
{
    HfSpawnOptions options = null_options();
    StandardStreams streams;
    hf_autofd read_fd = -1;
    hf_autofd write_fd = -1;
    make_pipe(&read_fd, &write_fd);
    options.stdout_fd = write_fd;
    options.close_others = true;
    save_streams(&streams);
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);

    char *dir = run_recorder(&options, NULL);

    restore_streams(&streams);
    assert_recorded_fd(dir, 1, write_fd);
    g_autofree char *in = record_line(dir, "fds", "0 ");
    g_autofree char *err = record_line(dir, "fds", "2 ");
    g_autofree char *more = record_line(dir, "fds", "3 ");
    g_assert_cmpstr(in, ==, "/dev/null");
    g_assert_cmpstr(err, ==, "/dev/null");
    g_assert_null(more);
    hf_test_remove_dir(dir);
}

static void
test_closed_stream_can_be_inherited(void)
{
    HfSpawnOptions options = {.stdin_fd = HF_SPAWN_INHERIT,
                              .stdout_fd = HF_SPAWN_INHERIT,
                              .stderr_fd = HF_SPAWN_INHERIT,
                              .close_others = true};
    StandardStreams streams;
    save_streams(&streams);
    for (int fd = 0; fd <= 2; fd++)
        (void)close(fd);

    char *dir = run_recorder(&options, NULL);

    restore_streams(&streams);
    g_autofree char *text = read_record(dir, "fds");
    g_assert_null(strstr(text, "pipe"));
    hf_test_remove_dir(dir);
}

static void
test_close_others_leaves_three_descriptors(void)
{
    HfSpawnOptions options = null_options();
    hf_autofd low_fd = open("/", O_RDONLY | O_DIRECTORY);
    hf_autofd high_fd = fcntl(low_fd, F_DUPFD, 200);
    options.close_others = true;

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "fds");
    g_assert_cmpstr(text, ==, "0 /dev/null\n1 /dev/null\n2 /dev/null\n");
    g_assert_cmpint(high_fd, >=, 200);
    hf_test_remove_dir(dir);
}

static void
test_descriptors_without_close_on_exec_survive(void)
{
    HfSpawnOptions options = null_options();
    hf_autofd kept_fd = open("/", O_RDONLY | O_DIRECTORY);
    hf_autofd dropped_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    char *dir = run_recorder(&options, NULL);

    g_autofree char *dropped_prefix = g_strdup_printf("%d ", dropped_fd);
    g_autofree char *dropped = record_line(dir, "fds", dropped_prefix);
    assert_recorded_fd(dir, kept_fd, kept_fd);
    g_assert_null(dropped);
    hf_test_remove_dir(dir);
}

static void
test_signals_are_reset(void)
{
    HfSpawnOptions options = null_options();
    sigset_t mask;
    sigset_t old_mask;
    void (*old_pipe)(int) = signal(SIGPIPE, SIG_IGN);
    void (*old_hup)(int) = signal(SIGHUP, SIG_IGN);
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGTERM);
    (void)sigaddset(&mask, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &mask, &old_mask);

    char *dir = run_recorder(&options, NULL);

    (void)sigprocmask(SIG_SETMASK, &old_mask, NULL);
    (void)signal(SIGPIPE, old_pipe);
    (void)signal(SIGHUP, old_hup);
    g_autofree char *ignored = record_line(dir, "status", "SigIgn:");
    g_autofree char *blocked = record_line(dir, "status", "SigBlk:");
    g_assert_cmpstr(ignored, ==, "0000000000000000");
    g_assert_cmpstr(blocked, ==, "0000000000000000");
    hf_test_remove_dir(dir);
}

static void
test_parent_keeps_its_mask(void)
{
    HfSpawnOptions options = null_options();
    sigset_t mask;
    sigset_t old_mask;
    sigset_t after;
    (void)sigemptyset(&mask);
    (void)sigaddset(&mask, SIGUSR1);
    (void)sigprocmask(SIG_SETMASK, &mask, &old_mask);

    run_shell(&options, "exit 0");

    (void)sigprocmask(SIG_SETMASK, &old_mask, &after);
    g_assert_true(sigismember(&after, SIGUSR1));
    g_assert_false(sigismember(&after, SIGTERM));
}

static void
test_death_with_parent_is_set_when_asked(void)
{
    HfSpawnOptions options = null_options();
    options.die_with_parent = true;

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "pdeathsig");
    g_assert_cmpstr(text, ==, "9\n");
    hf_test_remove_dir(dir);
}

static void
test_child_outlives_its_parent_by_default(void)
{
    HfSpawnOptions options = null_options();

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "pdeathsig");
    g_assert_cmpstr(text, ==, "0\n");
    hf_test_remove_dir(dir);
}

static void
test_oom_score_is_set(void)
{
    HfSpawnOptions options = null_options();
    options.oom_score_adj = "987";

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "oom_score_adj");
    g_assert_cmpstr(text, ==, "987\n");
    hf_test_remove_dir(dir);
}

static void
test_oom_score_that_is_refused_is_no_failure(void)
{
    HfSpawnOptions options = null_options();
    g_autofree char *own = NULL;
    options.oom_score_adj = "rubbish";

    char *dir = run_recorder(&options, NULL);

    g_autofree char *text = read_record(dir, "oom_score_adj");
    g_assert_true(g_file_get_contents("/proc/self/oom_score_adj", &own, NULL, NULL));
    g_assert_cmpstr(text, ==, own);
    hf_test_remove_dir(dir);
}

static void
test_core_limit_is_given_back(void)
{
    const rlim_t core_limit = 4096;
    struct rlimit before;
    struct rlimit none;
    HfSpawnOptions options = null_options();
    options.core_limit = &core_limit;

    g_assert_cmpint(getrlimit(RLIMIT_CORE, &before), ==, 0);
    none = before;
    none.rlim_cur = 0;
    g_assert_cmpint(setrlimit(RLIMIT_CORE, &none), ==, 0);
    if (before.rlim_max >= core_limit)
        run_shell(&options, "test \"$(ulimit -c)\" = 8");
    else
        g_test_skip("the hard limit for core dumps is too low");
    g_assert_cmpint(setrlimit(RLIMIT_CORE, &before), ==, 0);
}

static void
test_time_limit_ends_the_child(void)
{
    const char *const argv[] = {"/bin/sleep", "1000", NULL};
    HfSpawnOptions options = null_options();
    options.argv = argv;
    options.time_limit_s = 1;

    pid_t pid = hf_spawn(&options, NULL);

    g_assert_cmpint(pid, >, 0);
    int status = wait_for(pid);
    g_assert_true(WIFSIGNALED(status));
    g_assert_cmpint(WTERMSIG(status), ==, SIGALRM);
}

/* Also where all other descriptors are closed; the first argument is but a name. */
static void
test_descriptor_is_executed(void)
{
    const char *const argv[] = {"/nowhere/name", "-c", "exit 7", NULL};
    HfSpawnOptions options = null_options();
    hf_autofd fd = open("/bin/sh", O_PATH | O_CLOEXEC);
    hf_autofd high_fd = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    options.argv = argv;
    options.close_others = true;
    options.program_fd = high_fd;

    pid_t pid = hf_spawn(&options, NULL);

    g_assert_cmpint(pid, >, 0);
    g_assert_cmpint(WEXITSTATUS(wait_for(pid)), ==, 7);
}

static char *
spawn_with_listen_pid(const char *variable, HfSpawnListenPid what, pid_t *out_pid)
{
    const char *const envp[] = {"LISTEN_FDS=1", variable, "LAST=1", NULL};
    HfSpawnOptions options = null_options();
    char *value;

    options.envp = envp;
    options.listen_pid = what;
    char *dir = run_recorder(&options, out_pid);
    g_autofree char *last = record_line(dir, "env", "LAST=");
    g_assert_cmpstr(last, ==, "1");
    value = record_line(dir, "env", "LISTEN_PID=");
    hf_test_remove_dir(dir);
    return value;
}

static void
test_listen_pid_of_this_process_becomes_the_childs(void)
{
    g_autofree char *variable = g_strdup_printf("LISTEN_PID=%d", (int)getpid());
    pid_t pid = -1;

    g_autofree char *value = spawn_with_listen_pid(variable, HF_SPAWN_LISTEN_PID_HAND_ON, &pid);

    g_autofree char *expected = g_strdup_printf("%d", (int)pid);
    g_assert_cmpstr(value, ==, expected);
}

static void
test_listen_pid_of_another_process_stays(void)
{
    pid_t pid = -1;

    g_autofree char *value =
        spawn_with_listen_pid("LISTEN_PID=1", HF_SPAWN_LISTEN_PID_HAND_ON, &pid);

    g_assert_cmpstr(value, ==, "1");
}

static void
test_listen_pid_is_kept_when_nothing_is_asked(void)
{
    g_autofree char *variable = g_strdup_printf("LISTEN_PID=%d", (int)getpid());
    pid_t pid = 0;

    g_autofree char *value = spawn_with_listen_pid(variable, HF_SPAWN_LISTEN_PID_KEEP, &pid);

    g_assert_cmpint(atoi(value), ==, getpid());
}

static void
test_any_listen_pid_is_replaced_when_asked(void)
{
    pid_t pid = -1;

    g_autofree char *value =
        spawn_with_listen_pid("LISTEN_PID=1", HF_SPAWN_LISTEN_PID_REPLACE, &pid);

    g_autofree char *expected = g_strdup_printf("%d", (int)pid);
    g_assert_cmpstr(value, ==, expected);
}

static void
test_no_listen_pid_is_invented(void)
{
    pid_t pid = -1;

    g_autofree char *value = spawn_with_listen_pid("OTHER=1", HF_SPAWN_LISTEN_PID_REPLACE, &pid);

    g_assert_null(value);
}

static void
test_listen_pid_that_is_no_number(void)
{
    static const char *const variables[] = {"LISTEN_PID=", "LISTEN_PID=abc", "LISTEN_PID=12 ",
                                            "LISTEN_PID=-1"};

    for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
        const char *const argv[] = {"/bin/true", NULL};
        const char *const envp[] = {variables[i], NULL};
        HfSpawnOptions options = null_options();
        g_autoptr(GError) error = NULL;
        options.argv = argv;
        options.envp = envp;
        options.listen_pid = HF_SPAWN_LISTEN_PID_HAND_ON;

        g_assert_cmpint(hf_spawn(&options, &error), ==, -1);
        g_assert_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT);
    }
}

/* Fails to spawn @program, leaving no child. */
static GError *
spawn_error(const char *program)
{
    const char *const argv[] = {program, NULL};
    HfSpawnOptions options = null_options();
    GError *error = NULL;

    options.argv = argv;
    options.close_others = true;
    g_assert_cmpint(hf_spawn(&options, &error), ==, -1);
    return error;
}

static void
test_missing_program(void)
{
    g_autoptr(GError) error = spawn_error("/nonexistent/runtime");

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpstr(error->message, ==,
                    "execute '/nonexistent/runtime': No such file or directory");
}

static void
test_directory_as_program(void)
{
    g_autoptr(GError) error = spawn_error("/");

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES);
}

static void
test_program_is_not_searched_in_path(void)
{
    g_autoptr(GError) error = spawn_error("sh");

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
}

static void
test_stream_that_is_not_open(void)
{
    const char *const argv[] = {"/bin/true", NULL};
    HfSpawnOptions options = null_options();
    g_autoptr(GError) error = NULL;
    options.argv = argv;
    options.stderr_fd = 9999;

    g_assert_cmpint(hf_spawn(&options, &error), ==, -1);

    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_BADF);
    g_assert_nonnull(strstr(error->message, "standard streams"));
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*test)(void);
    } tests[] = {
        {"/runtime/spawn/arguments-arrive-unchanged", test_arguments_arrive_unchanged},
        {"/runtime/spawn/environment-is-exactly-the-given-one",
         test_environment_is_exactly_the_given_one},
        {"/runtime/spawn/no-environment-means-that-of-this-process",
         test_no_environment_means_that_of_this_process},
        {"/runtime/spawn/exit-status-is-left-for-the-caller",
         test_exit_status_is_left_for_the_caller},
        {"/runtime/spawn/streams-are-the-given-descriptors",
         test_streams_are_the_given_descriptors},
        {"/runtime/spawn/one-descriptor-may-serve-twice", test_one_descriptor_may_serve_twice},
        {"/runtime/spawn/null-streams-are-dev-null", test_null_streams_are_dev_null},
        {"/runtime/spawn/inherited-streams-are-those-of-this-process",
         test_inherited_streams_are_those_of_this_process},
        {"/runtime/spawn/standard-descriptors-may-be-rearranged",
         test_standard_descriptors_may_be_rearranged},
        {"/runtime/spawn/works-with-closed-standard-streams",
         test_works_with_closed_standard_streams},
        {"/runtime/spawn/closed-stream-can-be-inherited", test_closed_stream_can_be_inherited},
        {"/runtime/spawn/close-others-leaves-three-descriptors",
         test_close_others_leaves_three_descriptors},
        {"/runtime/spawn/descriptors-without-close-on-exec-survive",
         test_descriptors_without_close_on_exec_survive},
        {"/runtime/spawn/signals-are-reset", test_signals_are_reset},
        {"/runtime/spawn/parent-keeps-its-mask", test_parent_keeps_its_mask},
        {"/runtime/spawn/death-with-parent-is-set-when-asked",
         test_death_with_parent_is_set_when_asked},
        {"/runtime/spawn/child-outlives-its-parent-by-default",
         test_child_outlives_its_parent_by_default},
        {"/runtime/spawn/oom-score-is-set", test_oom_score_is_set},
        {"/runtime/spawn/oom-score-that-is-refused-is-no-failure",
         test_oom_score_that_is_refused_is_no_failure},
        {"/runtime/spawn/core-limit-is-given-back", test_core_limit_is_given_back},
        {"/runtime/spawn/time-limit-ends-the-child", test_time_limit_ends_the_child},
        {"/runtime/spawn/descriptor-is-executed", test_descriptor_is_executed},
        {"/runtime/spawn/listen-pid-of-this-process-becomes-the-childs",
         test_listen_pid_of_this_process_becomes_the_childs},
        {"/runtime/spawn/listen-pid-of-another-process-stays",
         test_listen_pid_of_another_process_stays},
        {"/runtime/spawn/listen-pid-is-kept-when-nothing-is-asked",
         test_listen_pid_is_kept_when_nothing_is_asked},
        {"/runtime/spawn/any-listen-pid-is-replaced-when-asked",
         test_any_listen_pid_is_replaced_when_asked},
        {"/runtime/spawn/no-listen-pid-is-invented", test_no_listen_pid_is_invented},
        {"/runtime/spawn/listen-pid-that-is-no-number", test_listen_pid_that_is_no_number},
        {"/runtime/spawn/missing-program", test_missing_program},
        {"/runtime/spawn/directory-as-program", test_directory_as_program},
        {"/runtime/spawn/program-is-not-searched-in-path", test_program_is_not_searched_in_path},
        {"/runtime/spawn/stream-that-is-not-open", test_stream_that_is_not_open},
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
        hf_test_add(tests[i].path, tests[i].test);
    return g_test_run();
}
