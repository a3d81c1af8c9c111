/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The socket is made and listens here, and is handed on as the program's standard input. So a
 * runtime can connect as soon as the program has said "ready", and is refused, rather than kept
 * waiting, when the program is gone: nobody else has the descriptor.
 *
 * The program's standard output and error are one pipe, whose lines are "ready" or a level and a
 * message, and become messages of the monitor. The read side of the pipe is what the program knows
 * the monitor by: closed, it works on until the last process of the container's filters is gone,
 * then ends. That is right for a monitor that has done its work and for one that was killed.
 *
 *      state      end of the pipe, end of the program
 *      starting   on_failed, with its last message if there is one
 *      ready      told once; the kernel answers ENOSYS in its place
 *
 * The pipe's end is what counts, as it comes after all lines; the reaper takes the status. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attach/unix-socket.h"
#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/source.h"
#include "monitor/seccomp-child.h"
#include "runtime/spawn.h"

#define PROGRAM "holdfast-seccomp-agent"
#define SOCKET_MODE 0600
#define BACKLOG 16
#define LINE_MAX_BYTES 4096

struct HfSeccompChild {
    GMainContext *context;
    HfReaper *reaper; /* borrowed */
    HfSeccompChildOptions options;
    const HfSeccompChildHandlers *handlers;
    gpointer user_data;
    int dir_fd; /* where the socket is; -1: it is removed */
    char *socket_name;
    pid_t pid; /* 0 when it has ended */
    int pipe_fd;
    GSource *source;
    GString *line;
    char *last_message;
    bool is_ready;
};

/* (transfer full) */
static char *
find_program(GError **error)
{
    const char *named = g_getenv("HOLDFAST_SECCOMP_AGENT");
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *dir = self != NULL ? g_path_get_dirname(self) : NULL;
    g_autofree char *beside = dir != NULL ? g_build_filename(dir, PROGRAM, NULL) : NULL;

    if (named != NULL && *named != '\0')
        return g_canonicalize_filename(named, NULL);
    if (beside != NULL && access(beside, X_OK) == 0)
        return g_steal_pointer(&beside);
    if (access(HF_LIBEXECDIR "/holdfast/" PROGRAM, X_OK) == 0)
        return g_strdup(HF_LIBEXECDIR "/holdfast/" PROGRAM);
    return hf_throw(error, HF_ERROR_NOT_FOUND, PROGRAM " is not in '%s/holdfast'", HF_LIBEXECDIR),
           NULL;
}

/* Returns the listening socket, or -1. */
static int
make_socket(HfSeccompChild *self, GError **error)
{
    g_autofree char *dir = g_path_get_dirname(self->options.socket_path);
    hf_autofd fd = -1;

    self->socket_name = g_path_get_basename(self->options.socket_path);
    self->dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->dir_fd < 0)
        return hf_throw_errno(error, "open '%s'", dir), -1;
    fd = hf_unix_socket_bind_at(self->dir_fd, self->socket_name, SOCK_STREAM, SOCKET_MODE, error);
    if (fd < 0)
        hf_close_fd(&self->dir_fd); /* what has the name is not ours */
    if (fd >= 0 && listen(fd, BACKLOG) < 0)
        return hf_throw_errno(error, "listen on '%s'", self->options.socket_path), -1;
    return hf_steal_fd(&fd);
}

static void
remove_socket(HfSeccompChild *self)
{
    if (self->dir_fd >= 0 && self->socket_name != NULL)
        (void)unlinkat(self->dir_fd, self->socket_name, 0);
    hf_close_fd(&self->dir_fd);
}

static void
end_start(HfSeccompChild *self)
{
    GError *error = NULL;

    hf_throw(&error, HF_ERROR_FAILED, PROGRAM ": %s",
             self->last_message != NULL ? self->last_message : "it ended before it was ready");
    self->handlers->on_failed(error, self->user_data);
}

static void
take_line(HfSeccompChild *self, const char *line)
{
    const char *text = strchr(line, ' ');
    g_autofree char *word = text != NULL ? g_strndup(line, (gsize)(text - line)) : NULL;
    HfDiagLevel level = HF_DIAG_WARNING;

    if (!self->is_ready && strcmp(line, "ready") == 0) {
        self->is_ready = true;
        self->handlers->on_ready(self->user_data);
        return;
    }
    if (word == NULL || !hf_diag_parse_level(word, &level))
        text = line;
    text += *text == ' ' ? 1 : 0;
    g_free(self->last_message);
    self->last_message = g_strdup(text);
    /* What it says before it is ready is told with the failure. */
    if (self->is_ready)
        hf_diag(level, PROGRAM ": %s", text);
}

static void
take_bytes(HfSeccompChild *self, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n' && self->line->len < LINE_MAX_BYTES)
            g_string_append_c(self->line, bytes[i]);
        if (bytes[i] != '\n')
            continue;
        /* May close this object. */
        take_line(self, self->line->str);
        g_string_truncate(self->line, 0);
    }
}

static void
end_pipe(HfSeccompChild *self)
{
    hf_source_clear(&self->source);
    hf_close_fd(&self->pipe_fd);
    remove_socket(self);
    if (self->is_ready)
        hf_diag(HF_DIAG_ERROR,
                PROGRAM " ended: what the container's filter hands over fails with ENOSYS");
    else
        end_start(self);
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer user_data)
{
    HfSeccompChild *self = user_data;
    g_autoptr(GError) error = NULL;
    char buffer[1024];
    size_t length = 0;

    switch (hf_io_read(fd, buffer, sizeof buffer, &length, &error)) {
    case HF_IO_DATA:
        take_bytes(self, buffer, length);
        return G_SOURCE_CONTINUE;
    case HF_IO_AGAIN:
        return G_SOURCE_CONTINUE;
    case HF_IO_EOF:
    case HF_IO_FAILED:
        end_pipe(self);
        return G_SOURCE_REMOVE;
    }
    g_assert_not_reached();
}

static void
watch_pipe(HfSeccompChild *self)
{
    self->source = hf_source_watch_fd(self->context, self->pipe_fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                      HF_PRIORITY_CONTROL, PROGRAM, on_readable, self);
}

/* Reaped; the pipe tells what it means. */
static void
on_exited(pid_t pid, int wait_status, bool is_known, gpointer user_data)
{
    HfSeccompChild *self = user_data;

    self->pid = 0;
}

static gboolean
spawn(HfSeccompChild *self, const char *program, int socket_fd, GError **error)
{
    const HfSeccompChildOptions *o = &self->options;
    const char *argv[] = {program,         "--id",
                          o->container_id, "--record",
                          o->record_path,  o->policy_path != NULL ? "--policy" : NULL,
                          o->policy_path,  NULL};
    int fds[2] = {-1, -1};

    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return hf_throw_errno(error, "make a pipe");
    const HfSpawnOptions how = {
        .argv = argv,
        .stdin_fd = socket_fd,
        .stdout_fd = fds[1],
        .stderr_fd = fds[1],
        .close_others = true,
        .oom_score_adj = o->oom_score_adj,
    };
    self->pipe_fd = fds[0];
    self->pid = hf_spawn(&how, error);
    hf_close_fd(&fds[1]);
    if (self->pid < 0) {
        self->pid = 0;
        return FALSE;
    }
    hf_reaper_watch(self->reaper, self->pid, on_exited, self);
    watch_pipe(self);
    return TRUE;
}

static HfSeccompChild *
make(GMainContext *context, HfReaper *reaper, const HfSeccompChildHandlers *handlers,
     gpointer user_data)
{
    HfSeccompChild *self = g_new0(HfSeccompChild, 1);

    self->context = context;
    self->reaper = reaper;
    self->handlers = handlers;
    self->user_data = user_data;
    self->dir_fd = -1;
    self->pipe_fd = -1;
    self->line = g_string_new(NULL);
    return self;
}

HfSeccompChild *
hf_seccomp_child_new(GMainContext *context, HfReaper *reaper, const HfSeccompChildOptions *options,
                     const HfSeccompChildHandlers *handlers, gpointer user_data, GError **error)
{
    g_autoptr(HfSeccompChild) self = make(context, reaper, handlers, user_data);
    g_autofree char *program = NULL;
    hf_autofd socket_fd = -1;

    self->options = *options;
    program = find_program(error);
    if (program == NULL)
        return NULL;
    socket_fd = make_socket(self, error);
    if (socket_fd < 0 || !spawn(self, program, socket_fd, error)) {
        g_prefix_error(error, "--seccomp-notify-socket: ");
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
hf_seccomp_child_save(const HfSeccompChild *self, HfStateWriter *writer)
{
    hf_state_put_fd(writer, "directory", self->dir_fd);
    hf_state_put_text(writer, "socket-name", self->socket_name);
    hf_state_put_number(writer, "pid", self->pid);
    hf_state_put_fd(writer, "pipe", self->pipe_fd);
    hf_state_put_bytes(writer, "line", self->line->str, self->line->len);
    hf_state_put_bool(writer, "is-ready", self->is_ready);
}

HfSeccompChild *
hf_seccomp_child_new_saved(GMainContext *context, HfReaper *reaper, HfStateReader *reader,
                           const HfSeccompChildHandlers *handlers, gpointer user_data)
{
    HfSeccompChild *self = make(context, reaper, handlers, user_data);
    size_t length = 0;
    const char *line = hf_state_get_bytes(reader, "line", &length);

    self->socket_name = g_strdup(hf_state_get_text(reader, "socket-name"));
    self->dir_fd = hf_state_take_fd(reader, "directory");
    self->pipe_fd = hf_state_take_fd(reader, "pipe");
    self->pid = (pid_t)hf_state_get_number(reader, "pid", 0, G_MAXINT, 0);
    self->is_ready = hf_state_get_bool(reader, "is-ready");
    if (length > 0)
        g_string_append_len(self->line, line, (gssize)MIN(length, LINE_MAX_BYTES));
    if (self->dir_fd >= 0 && self->socket_name == NULL)
        hf_state_reader_fail(reader, "socket-name", "is missing");
    if (self->pid > 0)
        hf_reaper_watch_child(self->reaper, self->pid, on_exited, self);
    if (self->pipe_fd >= 0)
        watch_pipe(self);
    return self;
}

void
hf_seccomp_child_close(HfSeccompChild *self)
{
    if (self == NULL)
        return;
    if (self->pid > 0)
        hf_reaper_unwatch(self->reaper, self->pid);
    self->pid = 0;
    hf_source_clear(&self->source);
    hf_close_fd(&self->pipe_fd);
    remove_socket(self);
}

void
hf_seccomp_child_free(HfSeccompChild *self)
{
    if (self == NULL)
        return;
    hf_seccomp_child_close(self);
    g_free(self->socket_name);
    g_free(self->last_message);
    g_string_free(self->line, TRUE);
    g_free(self);
}
