/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * The kernel stops a thread at a call that the filter hands over, and lets the filter's descriptor
 * be read (poll: IN). Receiving gives the call and an id; the answer goes to the id. Until then the
 * thread may be killed, and its pid may become another's; then the id is not valid any more, which
 * is asked after everything that was found out by the pid and before anything is done with it.
 *
 * Receiving waits where nothing is there, whatever the descriptor's flags are. It is done only
 * right after poll said IN: a call that goes away in between makes it fail with ENOENT, and nobody
 * else reads this descriptor.
 *
 * To kill is SIGKILL to the process of the thread by pidfd. The call needs no answer then. If that
 * is not possible, the call fails with EPERM: it is not let through.
 *
 * poll: HUP means that no process with the filter is left. */

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "base/io.h"
#include "base/process-ref.h"
#include "base/source.h"
#include "seccomp-agent/seccomp-listener.h"

#define FD_KIND "anon_inode:seccomp notify"
#define STATUS_MAX 65536
/* Answered in one wake-up, so that one filter does not starve another. */
#define BURST 64

struct HfSeccompListener {
    int fd;
    struct seccomp_notif *request;
    struct seccomp_notif_resp *response;
    HfSeccompPolicy *policy;   /* borrowed */
    HfSeccompRecords *records; /* borrowed */
    const HfSeccompListenerHandlers *handlers;
    gpointer user_data;
    GSource *source;
};

static gboolean
check_kind(int fd, GError **error)
{
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd);
    char kind[64] = "";

    if (readlink(link, kind, sizeof kind - 1) < 0)
        return hf_throw_errno(error, "look at a descriptor");
    if (strcmp(kind, FD_KIND) != 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "a descriptor that is no seccomp filter's: '%s'", kind);
    return TRUE;
}

static void
close_with(HfSeccompListener *self, const GError *error)
{
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    self->handlers->on_closed(self, error, self->user_data);
}

/* The process that the thread @tid belongs to; 0: there is none. */
static pid_t
read_thread_group(pid_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", (int)tid);
    g_autofree char *text = hf_io_read_file_at(AT_FDCWD, path, STATUS_MAX, NULL, NULL);
    const char *line = text != NULL ? strstr(text, "\nTgid:") : NULL;

    return line != NULL ? (pid_t)g_ascii_strtoll(line + strlen("\nTgid:"), NULL, 10) : 0;
}

/* HF_ERROR_NOT_FOUND where the process has ended by itself. */
static gboolean
kill_caller(HfSeccompListener *self, GError **error)
{
    pid_t pid = read_thread_group((pid_t)self->request->pid);
    g_autoptr(HfProcessRef) process = NULL;

    if (pid <= 0)
        return hf_throw(error, HF_ERROR_FAILED, "the process to kill cannot be seen from here");
    process = hf_process_ref_new(pid, error);
    if (process == NULL)
        return FALSE;
    if (seccomp_notify_id_valid(self->fd, self->request->id) != 0)
        return hf_throw(error, HF_ERROR_NOT_FOUND, "process %d has ended", (int)pid);
    return hf_process_ref_signal(process, SIGKILL, error);
}

/* TRUE if there is nothing to answer. */
static bool
try_kill(HfSeccompListener *self)
{
    g_autoptr(GError) error = NULL;

    if (kill_caller(self, &error) || g_error_matches(error, HF_ERROR, HF_ERROR_NOT_FOUND))
        return true;
    g_prefix_error(&error, "kill by policy: ");
    self->handlers->on_failed(error, self->user_data);
    return false;
}

static void
answer(HfSeccompListener *self, const HfSeccompVerdict *verdict)
{
    bool passes = verdict->action == HF_SECCOMP_LOG || verdict->action == HF_SECCOMP_CONTINUE;

    memset(self->response, 0, sizeof *self->response);
    self->response->id = self->request->id;
    self->response->flags = passes ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    self->response->error = passes ? 0 : -verdict->errnum;
    if (seccomp_notify_id_valid(self->fd, self->request->id) != 0)
        return;
    /* Gone in the meantime, or a signal has taken the call back: it has no use for an answer. */
    (void)seccomp_notify_respond(self->fd, self->response);
}

static void
serve(HfSeccompListener *self)
{
    g_autofree char *name = NULL;
    g_autofree char *arch = NULL;
    HfSeccompCall call;

    hf_seccomp_call_init(&call, (pid_t)self->request->pid, &self->request->data);
    name = hf_seccomp_call_dup_name(&call);
    arch = hf_seccomp_call_dup_arch(&call);
    HfSeccompVerdict verdict = hf_seccomp_policy_decide(self->policy, name, g_get_monotonic_time());
    if (verdict.is_recorded)
        hf_seccomp_records_add(self->records, &call, name, arch, &verdict);
    if (verdict.action == HF_SECCOMP_KILL) {
        if (try_kill(self))
            return;
        verdict.errnum = EPERM;
    }
    answer(self, &verdict);
}

/* FALSE if nothing is there to be received. */
static bool
receive(HfSeccompListener *self)
{
    struct pollfd ready = {.fd = self->fd, .events = POLLIN};

    if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLIN) == 0)
        return false;
    /* The kernel wants it empty. */
    memset(self->request, 0, sizeof *self->request);
    if (seccomp_notify_receive(self->fd, self->request) == 0)
        serve(self);
    return true;
}

static gboolean
on_ready(int fd, GIOCondition condition, gpointer user_data)
{
    HfSeccompListener *self = user_data;
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < BURST; i++) {
        if (!receive(self))
            break;
    }
    if ((condition & (G_IO_HUP | G_IO_NVAL)) != 0) {
        close_with(self, NULL);
        return G_SOURCE_REMOVE;
    }
    if ((condition & G_IO_ERR) != 0) {
        hf_throw(&error, HF_ERROR_FAILED, "a filter's descriptor is broken");
        close_with(self, error);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

HfSeccompListener *
hf_seccomp_listener_new(GMainContext *context, int take_fd, HfSeccompPolicy *policy,
                        HfSeccompRecords *records, const HfSeccompListenerHandlers *handlers,
                        gpointer user_data, GError **error)
{
    g_autoptr(HfSeccompListener) self = g_new0(HfSeccompListener, 1);

    self->fd = take_fd;
    if (!check_kind(self->fd, error))
        return NULL;
    if (seccomp_notify_alloc(&self->request, &self->response) != 0)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "the kernel has no seccomp notifications"),
               NULL;
    self->policy = policy;
    self->records = records;
    self->handlers = handlers;
    self->user_data = user_data;
    self->source = hf_source_watch_fd(context, self->fd, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                      HF_PRIORITY_INPUT, "seccomp filter", on_ready, self);
    return g_steal_pointer(&self);
}

void
hf_seccomp_listener_free(HfSeccompListener *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->source);
    hf_close_fd(&self->fd);
    seccomp_notify_free(self->request, self->response);
    g_free(self);
}

bool
hf_seccomp_listener_is_closed(const HfSeccompListener *self)
{
    return self->fd < 0;
}
