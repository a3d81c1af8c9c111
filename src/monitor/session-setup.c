/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "attach/unix-socket.h"
#include "base/error.h"
#include "base/fd.h"
#include "monitor/session-private.h"
#include "protocol/state-names.h"

#define ATTACH_SOCKET HF_STATE_ATTACH
#define CTL_FIFO "ctl"
#define WINSZ_FIFO "winsz"

gboolean
hf_session_open_bundle(HfSession *self, GError **error)
{
    const char *bundle = self->options->bundle;

    if (bundle == NULL)
        return TRUE;
    self->bundle_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (self->bundle_fd < 0)
        return hf_throw_errno(error, "open the bundle '%s'", bundle);
    return TRUE;
}

/* Clients of a session without --full-attach go through a link in the socket directory, because the
 * path of the bundle can be longer than a socket's address. A link whose own path fills the address
 * to the last byte is made one shorter: CRI-O expects that of conmon. */
static gboolean
make_socket_link(HfSession *self, GError **error)
{
    const HfOptions *o = self->options;
    g_autofree char *link = g_build_filename(o->socket_dir, hf_options_get_session_id(o), NULL);

    if (strlen(link) == sizeof((struct sockaddr_un *)0)->sun_path - 1)
        link[strlen(link) - 1] = '\0';
    if (unlink(link) < 0 && errno != ENOENT)
        return hf_throw_errno(error, "remove the old link '%s'", link);
    if (symlink(o->bundle, link) < 0)
        return hf_throw_errno(error, "link '%s' to the bundle", link);
    self->socket_link = g_steal_pointer(&link);
    return TRUE;
}

HfAttachLimits
hf_session_get_attach_limits(const HfSession *self)
{
    const HfOptions *o = self->options;

    return (HfAttachLimits){
        .queue_bytes = (size_t)o->attach_buffer,
        .stall_timeout_ms = (guint)o->attach_timeout_s * 1000,
        .clients_max = (guint)o->attach_max,
    };
}

gboolean
hf_session_make_attach_server(HfSession *self, int dir_fd, GError **error)
{
    HfAttachLimits limits = hf_session_get_attach_limits(self);
    int fd = hf_unix_socket_bind_at(dir_fd, ATTACH_SOCKET, SOCK_SEQPACKET, 0700, error);
    if (fd < 0)
        return FALSE;
    self->attach =
        hf_attach_server_new(self->owner->context, fd, &limits, &hf_session_attach_handlers, self);
    return TRUE;
}

void
hf_session_complain(HfSession *self, const char *fifo, const char *reason)
{
    guint kept_back = 0;

    if (hf_diag_limit_allows(&self->diag_limit, 10, 60, &kept_back))
        hf_diag(HF_DIAG_WARNING, "%s: %s (%u messages kept back)", fifo, reason, kept_back);
}

void
hf_session_perform(HfSession *self, const HfControlCommand *command)
{
    g_autoptr(GError) error = NULL;

    switch (command->kind) {
    case HF_CONTROL_RESIZE:
        hf_session_resize(self, command->rows, command->columns);
        break;
    case HF_CONTROL_REOPEN_LOGS:
        if (self->log != NULL && !hf_log_router_reopen(self->log, &error))
            hf_diag_take_error(HF_DIAG_ERROR, &error, "reopen the log");
        break;
    case HF_CONTROL_CLOSE_STDIN:
        hf_session_close_stdin(self);
        break;
    case HF_CONTROL_UPGRADE:
        if (self->owner->on_upgrade_wanted != NULL)
            self->owner->on_upgrade_wanted(self->owner->user_data);
        break;
    default:
        g_assert_not_reached();
    }
}

void
hf_session_on_ctl_line(const char *line, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;
    HfControlCommand command = {0};

    if (line == NULL)
        hf_session_complain(self, CTL_FIFO, "a line is too long");
    else if (!hf_control_line_parse(line, &command, &error))
        hf_session_complain(self, CTL_FIFO, error->message);
    else
        hf_session_perform(self, &command);
}

void
hf_session_on_winsz_line(const char *line, gpointer user_data)
{
    HfSession *self = user_data;
    g_autoptr(GError) error = NULL;
    unsigned short rows = 0;
    unsigned short columns = 0;

    if (line == NULL)
        hf_session_complain(self, WINSZ_FIFO, "a line is too long");
    else if (!hf_control_line_parse_size(line, &rows, &columns, &error))
        hf_session_complain(self, WINSZ_FIFO, error->message);
    else
        hf_session_resize(self, rows, columns);
}

static gboolean
make_bundle_endpoints(HfSession *self, GError **error)
{
    GMainContext *context = self->owner->context;

    if (!self->options->is_full_attach && !make_socket_link(self, error))
        return FALSE;
    if (!hf_session_make_attach_server(self, self->bundle_fd, error))
        return FALSE;
    self->ctl = hf_control_fifo_new(context, self->bundle_fd, CTL_FIFO, hf_session_on_ctl_line,
                                    self, error);
    if (self->ctl == NULL)
        return FALSE;
    self->winsz = hf_control_fifo_new(context, self->bundle_fd, WINSZ_FIFO,
                                      hf_session_on_winsz_line, self, error);
    return self->winsz != NULL;
}

static void
on_console(int take_fd, gpointer user_data)
{
    HfSession *self = user_data;

    hf_session_take_terminal(self, take_fd);
}

static void
on_console_failed(const GError *error, gpointer user_data)
{
    hf_diag(HF_DIAG_WARNING, "console socket: %s", error->message);
}

static const HfConsoleHandlers console_handlers = {on_console, on_console_failed};

gboolean
hf_session_make_endpoints(HfSession *self, GError **error)
{
    const HfOptions *o = self->options;
    GMainContext *context = self->owner->context;

    if (o->has_terminal && o->adopt_dir == NULL) {
        self->console_socket = hf_console_socket_new(context, &console_handlers, self, error);
        if (self->console_socket == NULL)
            return FALSE;
    }
    if (self->bundle_fd >= 0 && o->sdnotify_socket != NULL) {
        self->notify = hf_notify_relay_new(context, self->bundle_fd, o->sdnotify_socket, error);
        if (self->notify == NULL)
            return FALSE;
    }
    if (self->owner->process_dir != NULL)
        return hf_session_make_process_endpoints(self, error);
    if (self->bundle_fd < 0 || self->is_passthrough)
        return TRUE;
    return make_bundle_endpoints(self, error);
}

void
hf_session_unlink_attach(HfSession *self)
{
    HfProcessDir *dir = self->owner->process_dir;

    if (self->attach != NULL)
        (void)unlinkat(dir != NULL ? hf_process_dir_get_fd(dir) : self->bundle_fd, ATTACH_SOCKET,
                       0);
}

void
hf_session_unlink_fifos(HfSession *self)
{
    if (self->ctl != NULL)
        (void)unlinkat(self->bundle_fd, CTL_FIFO, 0);
    if (self->winsz != NULL)
        (void)unlinkat(self->bundle_fd, WINSZ_FIFO, 0);
}

/* What has the link's name may be another's by now: an exit file, where the engine gives one
 * directory for both. */
static void
remove_socket_link(HfSession *self)
{
    struct stat status;

    if (self->socket_link == NULL)
        return;
    if (lstat(self->socket_link, &status) == 0 && S_ISLNK(status.st_mode))
        (void)unlink(self->socket_link);
    g_clear_pointer(&self->socket_link, g_free);
}

void
hf_session_close_endpoints(HfSession *self)
{
    g_clear_pointer(&self->ctl, hf_control_fifo_free);
    g_clear_pointer(&self->winsz, hf_control_fifo_free);
    g_clear_pointer(&self->control, hf_control_fifo_free);
    g_clear_pointer(&self->notify, hf_notify_relay_free);
    g_clear_pointer(&self->console_socket, hf_console_socket_free);
    hf_seccomp_child_close(self->seccomp);
    remove_socket_link(self);
}
