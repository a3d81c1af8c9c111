/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "sandbox/probe.h"

#ifdef HF_SANDBOX_PROBE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"

#define REPORT "HOLDFAST_SANDBOX_REPORT"
#define VICTIM "HOLDFAST_SANDBOX_VICTIM"
#define CHILD_FAILED 100

#define TRUE_PROGRAM "/bin/true"

/* A result is 0 or an errno. */
static int
judge(long result)
{
    return result < 0 ? errno : 0;
}

static int
judge_fd(int fd)
{
    int errnum = judge(fd);

    if (fd >= 0)
        (void)close(fd);
    return errnum;
}

static pid_t
get_victim(void)
{
    const char *text = getenv(VICTIM);

    return text != NULL ? (pid_t)g_ascii_strtoll(text, NULL, 10) : 0;
}

/* In a child, if there can be one: it may succeed. */
static int
try_in_child(void (*execute)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0 || pid < 0) {
        execute();
        if (pid < 0)
            return errno;
        _exit(CHILD_FAILED + errno);
    }
    if (waitpid(pid, &status, 0) < 0)
        return errno;
    return WIFEXITED(status) && WEXITSTATUS(status) >= CHILD_FAILED
               ? WEXITSTATUS(status) - CHILD_FAILED
               : 0;
}

static void
execute_path(void)
{
    char *argv[] = {(char *)"true", NULL};

    (void)execve(TRUE_PROGRAM, argv, environ);
}

static void
execute_fd(void)
{
    char *argv[] = {(char *)"true", NULL};
    int fd = open(TRUE_PROGRAM, O_PATH | O_CLOEXEC);

    (void)execveat(fd, "", argv, environ, AT_EMPTY_PATH);
}

static int
try_execve(void)
{
    return try_in_child(execute_path);
}

static int
try_execveat(void)
{
    return try_in_child(execute_fd);
}

static int
try_socket(void)
{
    return judge_fd(socket(AF_INET, SOCK_STREAM, 0));
}

static int
try_read(void)
{
    return judge_fd(open("/etc/shadow", O_RDONLY | O_CLOEXEC));
}

static int
try_write(void)
{
    return judge_fd(open("/etc/shadow", O_RDWR | O_CLOEXEC));
}

static int
try_create(void)
{
    const char *name = "/tmp/holdfast-probe";
    int errnum = judge_fd(open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));

    if (errnum == 0)
        (void)unlink(name);
    return errnum;
}

static int
try_remove(void)
{
    g_autofree char *name = g_strconcat(getenv(REPORT), ".removed", NULL);

    return judge(unlink(name));
}

static int
try_list(void)
{
    return judge_fd(open("/root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

static int
try_mount(void)
{
    g_autofree char *place = g_strconcat(getenv(REPORT), ".mount", NULL);
    int errnum = judge(mount("none", place, "tmpfs", 0, NULL));

    if (errnum == 0)
        (void)umount2(place, MNT_DETACH);
    return errnum;
}

static int
try_kill(void)
{
    return judge(kill(get_victim(), SIGCONT));
}

static int
try_pidfd(void)
{
    return judge_fd((int)syscall(SYS_pidfd_open, get_victim(), 0));
}

/* The kernel sends the signal. */
static int
try_set_owner(void)
{
    int fds[2];
    int errnum;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return 0;
    errnum = judge(fcntl(fds[0], F_SETOWN, get_victim()));
    (void)close(fds[0]);
    (void)close(fds[1]);
    return errnum;
}

static int
try_ptrace(void)
{
    int errnum = judge(ptrace(PTRACE_SEIZE, get_victim(), NULL, NULL));

    if (errnum == 0 && ptrace(PTRACE_INTERRUPT, get_victim(), NULL, NULL) == 0 &&
        waitpid(get_victim(), NULL, __WALL) > 0)
        (void)ptrace(PTRACE_DETACH, get_victim(), NULL, NULL);
    return errnum;
}

static int
try_memory(void)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/mem", (int)get_victim());

    return judge_fd(open(path, O_RDWR | O_CLOEXEC));
}

static int
try_unshare(void)
{
    return judge(syscall(SYS_unshare, 0));
}

static int
try_bpf(void)
{
    return judge(syscall(SYS_bpf, -1, NULL, 0));
}

static int
try_io_uring(void)
{
    return judge(syscall(SYS_io_uring_setup, 0, NULL));
}

static int
try_keyctl(void)
{
    return judge(syscall(SYS_keyctl, 0, -2, 0));
}

static int
try_code(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int errnum = memory == MAP_FAILED ? errno : 0;

    if (memory != MAP_FAILED)
        (void)munmap(memory, 4096);
    return errnum;
}

static const struct {
    const char *name;
    int (*try)(void);
} tries[] = {
    {"execve", try_execve}, {"execveat", try_execveat}, {"socket", try_socket},
    {"read", try_read},     {"write", try_write},       {"create", try_create},
    {"remove", try_remove}, {"list", try_list},         {"mount", try_mount},
    {"kill", try_kill},     {"pidfd", try_pidfd},       {"set-owner", try_set_owner},
    {"ptrace", try_ptrace}, {"memory", try_memory},     {"unshare", try_unshare},
    {"bpf", try_bpf},       {"io-uring", try_io_uring}, {"keyctl", try_keyctl},
    {"code", try_code},
};

int
hf_probe_open(void)
{
    const char *path = getenv(REPORT);

    return path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

void
hf_probe_report_denial(int report_fd, const char *name)
{
    g_autofree char *line = g_strdup_printf("denied %s\n", name);

    if (report_fd >= 0)
        (void)!write(report_fd, line, strlen(line));
}

bool
hf_probe_wants_failure(void)
{
    g_autofree char *name = g_strconcat(getenv(REPORT), ".fail", NULL);

    return name != NULL && access(name, F_OK) == 0;
}

int
hf_probe_get_signal(void)
{
    return SIGRTMIN + 5;
}

void
hf_probe_run(int report_fd)
{
    for (size_t i = 0; report_fd >= 0 && i < G_N_ELEMENTS(tries); i++) {
        int errnum = tries[i].try();
        const char *result = errnum == 0 ? "ok" : strerrorname_np(errnum);
        g_autofree char *line = g_strdup_printf("try %s %s\n", tries[i].name, result);

        (void)!write(report_fd, line, strlen(line));
    }
    if (report_fd >= 0)
        (void)!write(report_fd, "try end ok\n", strlen("try end ok\n"));
}

#else

int
hf_probe_open(void)
{
    return -1;
}

void
hf_probe_report_denial(int report_fd, const char *name)
{
}

bool
hf_probe_wants_failure(void)
{
    return false;
}

int
hf_probe_get_signal(void)
{
    return 0;
}

void
hf_probe_run(int report_fd)
{
}

#endif
