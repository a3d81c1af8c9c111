/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * The parent prepares everything that needs memory: the environment with room for the digits of
 * LISTEN_PID, and an error pipe. It blocks all signals, forks, and reads the error pipe. The write
 * end closes by exec, so the read ends with the exec and not later: no bytes mean that the program
 * runs (or that a signal killed the child before, which its wait status tells), else they are one
 * Failure that names the step, and the child is reaped here.
 *
 * The child uses async-signal-safe calls only. The order of its steps has reasons:
 *   signals      first and still blocked, so that no handler of the parent ever runs in the child;
 *   parent death PR_SET_PDEATHSIG says nothing of a parent that died before it; getppid() does;
 *   oom score    before the streams, while nothing is known to be closed; a kernel that refuses is
 *                no reason not to start. A process that is not dumpable owns no file in /proc;
 *   core limit   as the parent had it before it gave it up;
 *   streams      sources that are 0, 1 or 2 themselves are duplicated above 2 before any target is
 *                replaced, so that two of them may be swapped. A source that is its own target only
 *                loses close-on-exec;
 *   close others the error pipe moves to 3 and all above it goes;
 *   mask         last, so that a signal that waited arrives with its default action.
 *
 * The pipe's ends stay above 2 also in a parent that was started with 0-2 closed. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "runtime/spawn.h"

#define LISTEN_PID_PREFIX "LISTEN_PID="
#define LISTEN_PID_SIZE (sizeof LISTEN_PID_PREFIX + 3 * sizeof(pid_t))
#define FIRST_FREE_FD 3

typedef enum {
    STEP_PARENT_DEATH,
    STEP_STREAMS,
    STEP_EXEC,
} Step;

typedef struct {
    Step step;
    int errnum;
} Failure;

typedef struct {
    const HfSpawnOptions *options;
    const char **envp; /* the block is owned, the strings are borrowed */
    char *listen_pid;  /* one of those strings, owned; NULL: nothing to replace */
    sigset_t old_mask; /* of the parent */
    pid_t parent_pid;  /* this process */
    int error_fd;      /* write end */
} Launch;

static noreturn void
child_fail(const Launch *launch, Step step)
{
    Failure failure = {.step = step, .errnum = errno};

    ssize_t unused = write(launch->error_fd, &failure, sizeof failure);

    (void)unused; /* a parent that is gone needs no report */
    _exit(127);
}

static void
child_reset_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};

    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL);
}

static void
child_die_with_parent(const Launch *launch)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        child_fail(launch, STEP_PARENT_DEATH);
    if (getppid() != launch->parent_pid)
        _exit(127);
}

static void
child_write_oom_score(const char *score)
{
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t unused = write(fd, score, strlen(score));
    (void)unused; /* a lower score needs a capability that is often missing */
    (void)close(fd);
}

static void
child_set_core_limit(rlim_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_CORE, &limit) < 0)
        return;
    limit.rlim_cur = wanted;
    (void)setrlimit(RLIMIT_CORE, &limit);
}

static void
child_set_time_limit(guint seconds)
{
    const struct itimerval limit = {.it_value = {.tv_sec = (time_t)seconds}};

    (void)setitimer(ITIMER_REAL, &limit, NULL);
}

static int
child_place_null(int target)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0 || fd == target)
        return fd < 0 ? -1 : fcntl(target, F_SETFD, 0);
    if (dup2(fd, target) < 0)
        return -1;
    return close(fd);
}

static int
child_place_stream(int source, int target)
{
    if (source == HF_SPAWN_NULL)
        return child_place_null(target);
    if (source == HF_SPAWN_INHERIT)
        return fcntl(target, F_SETFD, 0) < 0 && errno != EBADF ? -1 : 0;
    if (source == target)
        return fcntl(target, F_SETFD, 0);
    return dup2(source, target);
}

static void
child_place_streams(const Launch *launch)
{
    int sources[FIRST_FREE_FD] = {launch->options->stdin_fd, launch->options->stdout_fd,
                                  launch->options->stderr_fd};

    for (int target = 0; target < FIRST_FREE_FD; target++) {
        int source = sources[target];

        if (source < 0 || source >= FIRST_FREE_FD || source == target)
            continue;
        sources[target] = fcntl(source, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
        if (sources[target] < 0)
            child_fail(launch, STEP_STREAMS);
    }
    for (int target = 0; target < FIRST_FREE_FD; target++) {
        if (child_place_stream(sources[target], target) < 0)
            child_fail(launch, STEP_STREAMS);
    }
}

static void
child_close_others(Launch *launch)
{
    if (launch->error_fd != FIRST_FREE_FD) {
        if (dup3(launch->error_fd, FIRST_FREE_FD, O_CLOEXEC) < 0)
            child_fail(launch, STEP_STREAMS);
        launch->error_fd = FIRST_FREE_FD;
    }
    int program_fd = launch->options->program_fd;

    if (program_fd <= 0) {
        hf_fd_close_from(FIRST_FREE_FD + 1);
        return;
    }
    hf_fd_close_between(FIRST_FREE_FD + 1, program_fd);
    hf_fd_close_from(program_fd + 1);
}

static void
child_write_listen_pid(char *entry)
{
    char digits[3 * sizeof(pid_t)];
    char *end = entry + strlen(LISTEN_PID_PREFIX);
    size_t count = 0;

    for (pid_t pid = getpid(); pid > 0; pid /= 10)
        digits[count++] = (char)('0' + pid % 10);
    while (count > 0)
        *end++ = digits[--count];
    *end = '\0';
}

static noreturn void
child_run(Launch *launch)
{
    const HfSpawnOptions *options = launch->options;
    sigset_t none;

    child_reset_signals();
    if (options->die_with_parent)
        child_die_with_parent(launch);
    if (options->oom_score_adj != NULL)
        child_write_oom_score(options->oom_score_adj);
    if (options->core_limit != NULL)
        child_set_core_limit(*options->core_limit);
    if (options->time_limit_s > 0)
        child_set_time_limit(options->time_limit_s);
    child_place_streams(launch);
    if (options->close_others)
        child_close_others(launch);
    if (launch->listen_pid != NULL)
        child_write_listen_pid(launch->listen_pid);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    if (options->program_fd > 0)
        (void)execveat(options->program_fd, "", (char *const *)options->argv,
                       (char *const *)launch->envp, AT_EMPTY_PATH);
    else
        (void)execve(options->argv[0], (char *const *)options->argv, (char *const *)launch->envp);
    child_fail(launch, STEP_EXEC);
}

/* Whether the value is to become the child's pid. */
static gboolean
check_listen_pid(const Launch *launch, const char *value, bool *out_replace, GError **error)
{
    guint64 pid = 0;

    if (!g_ascii_string_to_unsigned(value, 10, 0, G_MAXINT, &pid, NULL))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "LISTEN_PID '%s' is not a pid", value);
    *out_replace = launch->options->listen_pid == HF_SPAWN_LISTEN_PID_REPLACE ||
                   pid == (guint64)launch->parent_pid;
    return TRUE;
}

static gboolean
prepare_environment(Launch *launch, GError **error)
{
    const HfSpawnOptions *options = launch->options;
    const char *const *source =
        options->envp == NULL ? (const char *const *)environ : options->envp;
    guint count = g_strv_length((char **)source);

    launch->envp = g_new0(const char *, count + 1);
    for (guint i = 0; i < count; i++) {
        bool replace = false;

        launch->envp[i] = source[i];
        if (options->listen_pid == HF_SPAWN_LISTEN_PID_KEEP ||
            !g_str_has_prefix(source[i], LISTEN_PID_PREFIX))
            continue;
        if (!check_listen_pid(launch, source[i] + strlen(LISTEN_PID_PREFIX), &replace, error))
            return FALSE;
        if (!replace)
            continue;
        if (launch->listen_pid == NULL)
            launch->listen_pid = g_strndup(LISTEN_PID_PREFIX, LISTEN_PID_SIZE);
        launch->envp[i] = launch->listen_pid;
    }
    return TRUE;
}

static gboolean
move_above_streams(int *fd, GError **error)
{
    int moved_fd;

    if (*fd >= FIRST_FREE_FD)
        return TRUE;
    moved_fd = fcntl(*fd, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
    if (moved_fd < 0)
        return hf_throw_errno(error, "duplicate a descriptor");
    hf_close_fd(fd);
    *fd = moved_fd;
    return TRUE;
}

/* What stopped the child before its exec, if anything did. */
static gboolean
read_failure(int fd, const char *program, GError **error)
{
    static const char *const steps[] = {
        [STEP_PARENT_DEATH] = "set the parent-death signal for",
        [STEP_STREAMS] = "set up the standard streams of",
        [STEP_EXEC] = "execute",
    };
    Failure failure;
    ssize_t n;

    do {
        n = read(fd, &failure, sizeof failure);
    } while (n < 0 && errno == EINTR);

    if (n != sizeof failure)
        return TRUE;
    return hf_throw_errnum(error, failure.errnum, "%s '%s'", steps[failure.step], program);
}

static pid_t
fork_child(Launch *launch, GError **error)
{
    sigset_t all;
    pid_t pid;

    (void)sigfillset(&all);
    (void)sigprocmask(SIG_SETMASK, &all, &launch->old_mask);
    pid = fork();
    if (pid == 0)
        child_run(launch);
    if (pid < 0)
        hf_throw_errno(error, "fork");
    (void)sigprocmask(SIG_SETMASK, &launch->old_mask, NULL);
    return pid;
}

static pid_t
launch_child(Launch *launch, GError **error)
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC) < 0)
        return hf_throw_errno(error, "make a pipe"), -1;
    hf_autofd read_fd = fds[0];
    hf_autofd write_fd = fds[1];

    if (!move_above_streams(&read_fd, error) || !move_above_streams(&write_fd, error))
        return -1;
    launch->error_fd = write_fd;
    pid_t pid = fork_child(launch, error);
    if (pid < 0)
        return -1;
    hf_close_fd(&write_fd);
    if (read_failure(read_fd, launch->options->argv[0], error))
        return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    return -1;
}

pid_t
hf_spawn(const HfSpawnOptions *options, GError **error)
{
    Launch launch = {.options = options, .parent_pid = getpid(), .error_fd = -1};
    pid_t pid = -1;

    if (prepare_environment(&launch, error))
        pid = launch_child(&launch, error);
    g_free(launch.listen_pid);
    g_free(launch.envp);
    return pid;
}
