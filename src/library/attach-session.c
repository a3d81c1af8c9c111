/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* An attach client (attach/attach-client.h) as an object.
 *
 * The client must not be freed while one of its handlers runs, and whoever hears "ended" may drop
 * the last reference. So the client's end only makes an idle source, which holds a reference of its
 * own and emits the signal. Dropping a session that has not ended leaves at once. */

#include <holdfast/attach.h>

#include "attach/attach-client.h"
#include "base/error.h"
#include "library/process-private.h"
#include "protocol/state-names.h"

struct _HfAttachSession {
    GObject parent_instance;

    HfProcess *process;
    GMainContext *context;
    HfAttachClient *client;
    gboolean is_connected;
    gboolean is_finished; /* the client has; "ended" follows */
    gboolean has_ended;
    HfAttachOutcome outcome;
    GError *error; /* NULL unless it failed */
};

G_DEFINE_FINAL_TYPE(HfAttachSession, hf_attach_session, G_TYPE_OBJECT)
G_DEFINE_ENUM_TYPE(HfAttachOutcome, hf_attach_outcome,
                   G_DEFINE_ENUM_VALUE(HF_ATTACH_OUTCOME_DETACHED, "detached"),
                   G_DEFINE_ENUM_VALUE(HF_ATTACH_OUTCOME_ENDED, "ended"))

static void
hf_attach_session_finalize(GObject *object)
{
    HfAttachSession *self = HF_ATTACH_SESSION(object);

    hf_attach_client_free(self->client);
    g_clear_object(&self->process);
    g_clear_pointer(&self->context, g_main_context_unref);
    g_clear_error(&self->error);
    G_OBJECT_CLASS(hf_attach_session_parent_class)->finalize(object);
}

static void
hf_attach_session_class_init(HfAttachSessionClass *class)
{
    G_OBJECT_CLASS(class)->finalize = hf_attach_session_finalize;
    g_signal_new("ended", HF_TYPE_ATTACH_SESSION, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                 G_TYPE_NONE, 0);
}

static void
hf_attach_session_init(HfAttachSession *self)
{
}

static gboolean
emit_ended(gpointer user_data)
{
    HfAttachSession *self = user_data;

    self->has_ended = TRUE;
    g_signal_emit_by_name(self, "ended");
    return G_SOURCE_REMOVE;
}

static void
on_connected(gpointer user_data)
{
    HfAttachSession *self = user_data;

    self->is_connected = TRUE;
}

static void
on_size(unsigned short rows, unsigned short columns, gpointer user_data)
{
    HfAttachSession *self = user_data;

    /* The process may just have ended, which the session will tell by itself. */
    (void)hf_process_resize(self->process, columns, rows, NULL);
}

static void
on_finished(HfAttachEnd end, const GError *error, gpointer user_data)
{
    HfAttachSession *self = user_data;
    g_autoptr(GSource) source = g_idle_source_new();

    self->is_finished = TRUE;
    self->outcome =
        end == HF_ATTACH_DETACHED ? HF_ATTACH_OUTCOME_DETACHED : HF_ATTACH_OUTCOME_ENDED;
    if (error != NULL)
        self->error = g_error_copy(error);
    g_source_set_callback(source, emit_ended, g_object_ref(self), g_object_unref);
    g_source_attach(source, self->context);
}

static gboolean
connect_client(HfAttachSession *self, const int fds[3], const char *detach_keys, GError **error)
{
    static const HfAttachClientHandlers handlers = {
        .on_connected = on_connected,
        .on_size = on_size,
        .on_finished = on_finished,
    };
    g_autofree char *socket_path = g_build_filename(self->process->path, HF_STATE_ATTACH, NULL);
    HfAttachClientOptions options = {
        .socket_path = socket_path,
        .input_fd = fds[0],
        .output_fds = {[HF_STREAM_STDOUT] = fds[1], [HF_STREAM_STDERR] = fds[2]},
        .has_terminal = self->process->file->has_terminal,
        .detach_keys = detach_keys,
    };

    self->client = hf_attach_client_new(self->context, &options, &handlers, self, error);
    return self->client != NULL;
}

HfAttachSession *
hf_process_attach(HfProcess *self, int input_fd, int output_fd, int error_fd,
                  const char *detach_keys, GError **error)
{
    g_autoptr(HfAttachSession) session = g_object_new(HF_TYPE_ATTACH_SESSION, NULL);
    g_autoptr(GError) local_error = NULL;
    const int fds[3] = {input_fd, output_fd, error_fd};

    g_return_val_if_fail(HF_IS_PROCESS(self), NULL);

    session->process = g_object_ref(self);
    session->context = g_main_context_ref_thread_default();
    /* What has ended may have a monitor that still holds its output for a client. */
    if (!connect_client(session, fds, detach_keys, &local_error)) {
        if (hf_process_get_state(self) == HF_PROCESS_STATE_STOPPED)
            return hf_throw(error, HF_ERROR_CONTAINER_EXITED,
                            "container '%s': process '%s' has ended",
                            hf_container_get_id(self->container), self->id),
                   NULL;
        g_propagate_error(error, g_steal_pointer(&local_error));
        g_prefix_error(error, "container '%s': attach to process '%s': ",
                       hf_container_get_id(self->container), self->id);
        return NULL;
    }
    return g_steal_pointer(&session);
}

gboolean
hf_attach_session_is_connected(HfAttachSession *self)
{
    g_return_val_if_fail(HF_IS_ATTACH_SESSION(self), FALSE);

    return self->is_connected;
}

static gboolean
propagate_failure(HfAttachSession *self, GError **error)
{
    if (self->error == NULL)
        return TRUE;
    g_propagate_error(error, g_error_copy(self->error));
    return FALSE;
}

gboolean
hf_attach_session_wait_connected(HfAttachSession *self, GError **error)
{
    g_return_val_if_fail(HF_IS_ATTACH_SESSION(self), FALSE);

    while (!self->is_connected && !self->is_finished)
        g_main_context_iteration(self->context, TRUE);
    return propagate_failure(self, error);
}

gboolean
hf_attach_session_run(HfAttachSession *self, HfAttachOutcome *out_outcome, GError **error)
{
    g_return_val_if_fail(HF_IS_ATTACH_SESSION(self), FALSE);

    while (!self->has_ended)
        g_main_context_iteration(self->context, TRUE);
    if (!propagate_failure(self, error))
        return FALSE;
    if (out_outcome != NULL)
        *out_outcome = self->outcome;
    return TRUE;
}

void
hf_attach_session_detach(HfAttachSession *self)
{
    g_return_if_fail(HF_IS_ATTACH_SESSION(self));

    if (!self->is_finished)
        hf_attach_client_detach(self->client);
}

void
hf_attach_session_update_size(HfAttachSession *self)
{
    g_return_if_fail(HF_IS_ATTACH_SESSION(self));

    if (!self->is_finished)
        hf_attach_client_update_size(self->client);
}

void
hf_attach_session_resume(HfAttachSession *self)
{
    g_return_if_fail(HF_IS_ATTACH_SESSION(self));

    if (!self->is_finished)
        hf_attach_client_resume(self->client);
}
