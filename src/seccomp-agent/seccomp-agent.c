/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *      runtime --connect--> HfSeccompPeer --state, descriptor--> HfSeccompListener --> records
 *
 * The container's filter and that of each exec session are listeners of their own, with one policy
 * and one file of records.
 *
 * This program ends when nobody has a use for it: who started it has closed his end of the pipe,
 * and no filter is left. A monitor that dies leaves it at work until the container has ended; while
 * the monitor lives, an exec may still come. Records are written when the last filter is gone,
 * which is at about the time when the monitor reports the end: who needs all of them waits for the
 * lock of their file.
 *
 * Peers and listeners that are done are freed from an idle source, not under their own callback. */

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/error.h"
#include "base/fd.h"
#include "base/source.h"
#include "seccomp-agent/record-file.h"
#include "seccomp-agent/seccomp-agent.h"
#include "seccomp-agent/seccomp-listener.h"
#include "seccomp-agent/seccomp-peer.h"
#include "seccomp-agent/seccomp-records.h"

#define PEERS_MAX 16
#define LISTENERS_MAX 512
#define RECORDS_SIZE_MAX (1024 * 1024)

struct HfSeccompAgent {
    GMainContext *context;
    HfSeccompAgentOptions options;
    char *container_id;
    HfSeccompPolicy *policy;
    HfRecordFile *file;
    HfSeccompRecords *records;
    GPtrArray *peers;     /* of HfSeccompPeer */
    GPtrArray *listeners; /* of HfSeccompListener */
    GSource *socket_source;
    GSource *owner_source; /* NULL: he is gone */
    GSource *collector;
    HfDiagLimit diag_limit;
};

/* A runtime, and so a container, decides how often. */
static void
complain(HfSeccompAgent *self, const char *what, const GError *error)
{
    guint kept_back = 0;

    if (hf_diag_limit_allows(&self->diag_limit, 10, 60, &kept_back))
        hf_diag(HF_DIAG_WARNING, "%s: %s (%u messages kept back)", what, error->message, kept_back);
}

static gboolean
on_collect(gpointer user_data)
{
    HfSeccompAgent *self = user_data;

    hf_source_clear(&self->collector);
    for (guint i = self->peers->len; i > 0; i--) {
        if (hf_seccomp_peer_is_done(g_ptr_array_index(self->peers, i - 1)))
            g_ptr_array_remove_index_fast(self->peers, i - 1);
    }
    for (guint i = self->listeners->len; i > 0; i--) {
        if (hf_seccomp_listener_is_closed(g_ptr_array_index(self->listeners, i - 1)))
            g_ptr_array_remove_index_fast(self->listeners, i - 1);
    }
    if (self->listeners->len > 0)
        return G_SOURCE_REMOVE;
    hf_seccomp_records_flush(self->records);
    if (self->owner_source == NULL && self->peers->len == 0)
        self->options.on_finished(self->options.user_data);
    return G_SOURCE_REMOVE;
}

static void
collect_later(HfSeccompAgent *self)
{
    if (self->collector == NULL)
        self->collector =
            hf_source_after(self->context, 0, HF_PRIORITY_CONTROL, "collector", on_collect, self);
}

static void
on_listener_closed(HfSeccompListener *listener, const GError *error, gpointer user_data)
{
    HfSeccompAgent *self = user_data;

    if (error != NULL)
        complain(self, "filter", error);
    collect_later(self);
}

static void
on_answer_failed(const GError *error, gpointer user_data)
{
    complain(user_data, "answer", error);
}

static const HfSeccompListenerHandlers listener_handlers = {on_listener_closed, on_answer_failed};

static gboolean
add_listener(HfSeccompAgent *self, const HfSeccompState *state, int take_fd, GError **error)
{
    hf_autofd fd = take_fd;
    HfSeccompListener *listener;

    if (g_strcmp0(state->container_id, self->container_id) != 0)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "a filter of container '%s'",
                        state->container_id);
    if (self->listeners->len >= LISTENERS_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "more than %d filters", LISTENERS_MAX);
    listener = hf_seccomp_listener_new(self->context, hf_steal_fd(&fd), self->policy, self->records,
                                       &listener_handlers, self, error);
    if (listener == NULL)
        return FALSE;
    g_ptr_array_add(self->listeners, listener);
    return TRUE;
}

static void
on_peer_state(HfSeccompPeer *peer, const HfSeccompState *state, int take_fd, gpointer user_data)
{
    HfSeccompAgent *self = user_data;
    g_autoptr(GError) error = NULL;

    if (!add_listener(self, state, take_fd, &error))
        complain(self, "refused", error);
    collect_later(self);
}

static void
on_peer_refused(HfSeccompPeer *peer, const GError *error, gpointer user_data)
{
    complain(user_data, "refused", error);
    collect_later(user_data);
}

static const HfSeccompPeerHandlers peer_handlers = {on_peer_state, on_peer_refused};

/* The runtime runs as this user or as root. */
static gboolean
check_peer(HfSeccompAgent *self, int fd, GError **error)
{
    struct ucred who = {0};
    socklen_t length = sizeof who;

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length) < 0)
        return hf_throw_errno(error, "who connects");
    if (who.uid != 0 && who.uid != geteuid())
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "user %u connects", (guint)who.uid);
    if (self->peers->len >= PEERS_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "more than %d connections", PEERS_MAX);
    return TRUE;
}

static gboolean
on_connection(int fd, GIOCondition condition, gpointer user_data)
{
    HfSeccompAgent *self = user_data;
    hf_autofd peer_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    g_autoptr(GError) error = NULL;

    if (peer_fd < 0)
        return G_SOURCE_CONTINUE;
    if (!check_peer(self, peer_fd, &error)) {
        complain(self, "refused", error);
        return G_SOURCE_CONTINUE;
    }
    g_ptr_array_add(self->peers, hf_seccomp_peer_new(self->context, hf_steal_fd(&peer_fd),
                                                     &peer_handlers, self));
    return G_SOURCE_CONTINUE;
}

static gboolean
on_owner_gone(int fd, GIOCondition condition, gpointer user_data)
{
    HfSeccompAgent *self = user_data;

    hf_source_clear(&self->owner_source);
    collect_later(self);
    return G_SOURCE_REMOVE;
}

static void
on_records_failed(const GError *error, gpointer user_data)
{
    complain(user_data, "records are lost", error);
}

HfSeccompAgent *
hf_seccomp_agent_new(GMainContext *context, const HfSeccompAgentOptions *options,
                     HfSeccompPolicy *take_policy, GError **error)
{
    g_autoptr(HfSeccompAgent) self = g_new0(HfSeccompAgent, 1);

    self->context = context;
    self->options = *options;
    self->policy = take_policy;
    self->container_id = g_strdup(options->container_id);
    self->peers = g_ptr_array_new_with_free_func((GDestroyNotify)hf_seccomp_peer_free);
    self->listeners = g_ptr_array_new_with_free_func((GDestroyNotify)hf_seccomp_listener_free);
    self->file = hf_record_file_new(options->record_path, RECORDS_SIZE_MAX, error);
    if (self->file == NULL)
        return NULL;
    self->records =
        hf_seccomp_records_new(context, self->file, self->container_id, on_records_failed, self);
    self->socket_source = hf_source_watch_fd(context, options->socket_fd, G_IO_IN,
                                             HF_PRIORITY_CONTROL, "socket", on_connection, self);
    self->owner_source = hf_source_watch_fd(context, options->owner_fd, G_IO_ERR | G_IO_HUP,
                                            HF_PRIORITY_CONTROL, "owner", on_owner_gone, self);
    return g_steal_pointer(&self);
}

void
hf_seccomp_agent_free(HfSeccompAgent *self)
{
    if (self == NULL)
        return;
    hf_source_clear(&self->collector);
    hf_source_clear(&self->owner_source);
    hf_source_clear(&self->socket_source);
    g_ptr_array_unref(self->peers);
    g_ptr_array_unref(self->listeners);
    if (self->records != NULL)
        hf_seccomp_records_flush(self->records);
    hf_seccomp_records_free(self->records);
    hf_record_file_free(self->file);
    hf_seccomp_policy_free(self->policy);
    g_free(self->container_id);
    g_free(self);
}
