/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Counts the system calls of a program and kills it at the entry of one of them.
 *
 *   kill-at-syscall [--at N] [--report FILE] --program NAME [--forks N] [--to-end]
 *                   [--until FILE] [--with-command] -- COMMAND...
 *   kill-at-syscall [--at N] [--report FILE] --attach PID
 *
 * COMMAND is run and followed through its forks; from the execution of NAME on, the process that
 * executes it is counted, also under the next names that it takes, and as many of its forks as
 * --forks says (1 for a program that goes to the background). All others are left alone. --attach
 * counts a process that runs; "ready" on stdout says that nothing of it is missed from here on.
 *
 * The N-th system call is not made: the process gets SIGKILL instead, and before it COMMAND's with
 * --with-command. Without N, and where there are fewer, nothing is done to it.
 *
 * It is over when COMMAND has ended and who is counted has too, or waits in poll(2), unless
 * --to-end says that this is not the end, or --until that it is not while there is no such file.
 * Then the report gets "syscalls COUNT" and, if it was killed, "killed NUMBER", that of the system
 * call; the status is COMMAND's. 77: this may not trace. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#define STATUS_NOT_ALLOWED 77
#define LOOK_AGAIN_US 500
#define NO_CALL (-1L)
#define TRACE_OPTIONS                                                                        \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | \
     PTRACE_O_TRACECLONE)
#define SYSCALL_STOP (SIGTRAP | 0x80)

typedef enum {
    ROLE_UNKNOWN, /* its parent's event is still to come; it stays stopped */
    ROLE_FOLLOWED,
    ROLE_COUNTED,
    ROLE_LEFT, /* to be left alone at its first stop */
} Role;

typedef struct {
    Role role;
    bool is_stopped; /* only while its role is unknown */
    int forks_left;
    long call; /* the one it is in, or NO_CALL */
} Tracee;

typedef struct {
    int at;
    int forks;
    int attach_pid;
    char *report;
    char *program;
    char *until;
    gboolean is_to_end;
    gboolean kills_command;
    char **command;
    pid_t command_pid; /* 0: it has ended, or there is none */
    int command_status;
    GHashTable *tracees; /* pid -> Tracee (owned) */
    int count;
    long killed_call;
} Driver;

static void
fail(const char *what)
{
    int status = errno == EPERM || errno == EIO || errno == ENOSYS ? STATUS_NOT_ALLOWED : 1;

    g_printerr("kill-at-syscall: %s: %s\n", what, g_strerror(errno));
    exit(status);
}

static Tracee *
add_tracee(Driver *self, pid_t pid, Role role)
{
    Tracee *tracee = g_new0(Tracee, 1);

    tracee->role = role;
    tracee->call = NO_CALL;
    tracee->forks_left = self->forks;
    g_hash_table_insert(self->tracees, GINT_TO_POINTER(pid), tracee);
    return tracee;
}

/* One that was killed meanwhile is told of by waitpid(). */
static void
resume(pid_t pid, const Tracee *tracee, int signal_number)
{
    long how = tracee->role == ROLE_COUNTED ? PTRACE_SYSCALL : PTRACE_CONT;

    if (ptrace(how, pid, 0, signal_number) < 0 && errno != ESRCH)
        fail("resume a process");
}

static void
leave(Driver *self, pid_t pid)
{
    (void)ptrace(PTRACE_DETACH, pid, 0, 0);
    g_hash_table_remove(self->tracees, GINT_TO_POINTER(pid));
}

/* --- what a stop means --- */

static void
on_syscall(Driver *self, pid_t pid, Tracee *tracee)
{
    struct __ptrace_syscall_info info = {0};

    if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0) {
        if (errno == ESRCH)
            return;
        fail("look at a system call");
    }
    tracee->call = NO_CALL;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        tracee->call = (long)info.entry.nr;
        if (++self->count == self->at) {
            self->killed_call = tracee->call;
            if (self->kills_command && self->command_pid != 0)
                (void)kill(self->command_pid, SIGKILL);
            (void)kill(pid, SIGKILL);
        }
    }
    resume(pid, tracee, 0);
}

static void
on_exec(Driver *self, pid_t pid, Tracee *tracee)
{
    g_autofree char *link = g_strdup_printf("/proc/%d/exe", (int)pid);
    g_autofree char *path = g_file_read_link(link, NULL);
    g_autofree char *name = path != NULL ? g_path_get_basename(path) : NULL;

    if (tracee->role == ROLE_FOLLOWED && g_strcmp0(name, self->program) == 0)
        tracee->role = ROLE_COUNTED;
    else if (tracee->role == ROLE_FOLLOWED && pid != self->command_pid) {
        leave(self, pid);
        return;
    }
    resume(pid, tracee, 0);
}

static Role
role_of_child(Tracee *parent)
{
    if (parent->role != ROLE_COUNTED)
        return ROLE_FOLLOWED;
    return parent->forks_left-- > 0 ? ROLE_COUNTED : ROLE_LEFT;
}

static void
begin_child(Driver *self, pid_t pid, Tracee *tracee)
{
    tracee->is_stopped = false;
    if (tracee->role == ROLE_LEFT)
        leave(self, pid);
    else
        resume(pid, tracee, 0);
}

static void
on_fork(Driver *self, pid_t pid, Tracee *tracee)
{
    unsigned long message = 0;

    if (ptrace(PTRACE_GETEVENTMSG, pid, 0, &message) == 0) {
        pid_t child = (pid_t)message;
        Role role = role_of_child(tracee);
        Tracee *known = g_hash_table_lookup(self->tracees, GINT_TO_POINTER(child));

        if (known == NULL)
            known = add_tracee(self, child, role);
        known->role = role;
        known->forks_left = tracee->forks_left;
        if (known->is_stopped)
            begin_child(self, child, known);
    }
    resume(pid, tracee, 0);
}

static bool
is_stopping(int signal_number)
{
    return signal_number == SIGSTOP || signal_number == SIGTSTP || signal_number == SIGTTIN ||
           signal_number == SIGTTOU;
}

static void
on_event(Driver *self, pid_t pid, Tracee *tracee, int event, int signal_number)
{
    switch (event) {
    case PTRACE_EVENT_EXEC:
        on_exec(self, pid, tracee);
        break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
        on_fork(self, pid, tracee);
        break;
    case PTRACE_EVENT_STOP:
        if (tracee->role == ROLE_LEFT)
            leave(self, pid);
        else if (is_stopping(signal_number))
            (void)ptrace(PTRACE_LISTEN, pid, 0, 0);
        else
            resume(pid, tracee, 0);
        break;
    default:
        resume(pid, tracee, 0);
    }
}

static void
on_stop(Driver *self, pid_t pid, int status)
{
    Tracee *tracee = g_hash_table_lookup(self->tracees, GINT_TO_POINTER(pid));
    int event = status >> 16;
    int signal_number = WSTOPSIG(status);

    if (tracee == NULL)
        tracee = add_tracee(self, pid, ROLE_UNKNOWN);
    if (tracee->role == ROLE_UNKNOWN)
        tracee->is_stopped = true;
    else if (event != 0)
        on_event(self, pid, tracee, event, signal_number);
    else if (signal_number == SYSCALL_STOP)
        on_syscall(self, pid, tracee);
    else
        resume(pid, tracee, signal_number);
}

static void
on_end(Driver *self, pid_t pid, int status)
{
    g_hash_table_remove(self->tracees, GINT_TO_POINTER(pid));
    if (pid != self->command_pid)
        return;
    self->command_pid = 0;
    self->command_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* --- the end --- */

static bool
is_poll(long call)
{
#ifdef SYS_poll
    if (call == SYS_poll || call == SYS_restart_syscall)
        return true;
#endif
    return call == SYS_ppoll;
}

static bool
waits_in_poll(pid_t pid, const Tracee *tracee)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;

    if (!is_poll(tracee->call) || !g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *name_end = strrchr(text, ')');
    return name_end != NULL && name_end[2] == 'S';
}

/* Whether it may be over before the end. */
static bool
may_wait(const Driver *self)
{
    return !self->is_to_end && (self->until == NULL || access(self->until, F_OK) == 0);
}

static bool
is_over(const Driver *self)
{
    GHashTableIter iter;
    gpointer key, value;

    if (self->command_pid != 0)
        return false;
    g_hash_table_iter_init(&iter, self->tracees);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const Tracee *tracee = value;

        if (tracee->role == ROLE_COUNTED &&
            (!waits_in_poll(GPOINTER_TO_INT(key), tracee) || !may_wait(self)))
            return false;
    }
    return true;
}

/* Whoever is still traced goes on when this program ends. */
static void
follow(Driver *self)
{
    while (!is_over(self)) {
        int status = 0;
        pid_t pid = waitpid(-1, &status, __WALL | WNOHANG);

        if (pid < 0 && errno == ECHILD)
            return;
        if (pid < 0 && errno != EINTR)
            fail("wait");
        if (pid == 0)
            g_usleep(LOOK_AGAIN_US);
        else if (pid > 0 && WIFSTOPPED(status))
            on_stop(self, pid, status);
        else if (pid > 0)
            on_end(self, pid, status);
    }
}

/* --- the beginning --- */

static void
attach(Driver *self)
{
    pid_t pid = self->attach_pid;

    if (ptrace(PTRACE_SEIZE, pid, 0, TRACE_OPTIONS) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
        fail("attach");
    if (waitpid(pid, &(int){0}, __WALL) != pid)
        fail("wait");
    resume(pid, add_tracee(self, pid, ROLE_COUNTED), 0);
    self->is_to_end = TRUE;
    if (write(STDOUT_FILENO, "ready\n", 6) != 6)
        fail("write");
}

/* The command waits on a pipe until it is traced. What it inherits is its own: the pipes of an
 * engine must not stay open here. */
static void
start(Driver *self)
{
    int go[2];
    char byte;

    if (pipe2(go, O_CLOEXEC) < 0)
        fail("pipe");
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid == 0) {
        (void)close(go[1]);
        if (read(go[0], &byte, 1) == 1)
            (void)execvp(self->command[0], self->command);
        _exit(127);
    }
    if (ptrace(PTRACE_SEIZE, pid, 0, TRACE_OPTIONS) < 0)
        fail("trace");
    add_tracee(self, pid, ROLE_FOLLOWED);
    self->command_pid = pid;
    if (write(go[1], "", 1) != 1)
        fail("write");
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
}

static void
report(const Driver *self)
{
    g_autofree char *killed = self->killed_call != NO_CALL
                                  ? g_strdup_printf("killed %ld\n", self->killed_call)
                                  : g_strdup("");
    g_autofree char *text = g_strdup_printf("syscalls %d\n%s", self->count, killed);

    if (self->report != NULL && !g_file_set_contents(self->report, text, -1, NULL))
        fail(self->report);
}

static bool
parse(Driver *self, int argc, char **argv)
{
    const GOptionEntry entries[] = {
        {"at", 0, 0, G_OPTION_ARG_INT, &self->at, "", NULL},
        {"report", 0, 0, G_OPTION_ARG_FILENAME, &self->report, "", NULL},
        {"program", 0, 0, G_OPTION_ARG_STRING, &self->program, "", NULL},
        {"forks", 0, 0, G_OPTION_ARG_INT, &self->forks, "", NULL},
        {"to-end", 0, 0, G_OPTION_ARG_NONE, &self->is_to_end, "", NULL},
        {"until", 0, 0, G_OPTION_ARG_FILENAME, &self->until, "", NULL},
        {"with-command", 0, 0, G_OPTION_ARG_NONE, &self->kills_command, "", NULL},
        {"attach", 0, 0, G_OPTION_ARG_INT, &self->attach_pid, "", NULL},
        {"", 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &self->command, "", NULL},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("-- COMMAND...");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("kill-at-syscall: %s\n", error->message);
        return false;
    }
    return (self->attach_pid != 0) != (self->command != NULL);
}

int
main(int argc, char **argv)
{
    Driver self = {.killed_call = NO_CALL};

    self.tracees = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    if (!parse(&self, argc, argv))
        return 2;
    if (self.attach_pid != 0)
        attach(&self);
    else
        start(&self);
    follow(&self);
    report(&self);
    g_hash_table_unref(self.tracees);
    return self.command_status;
}
