/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "monitor/session-private.h"
#include "protocol/state-names.h"

/* Beside what is known of the process, or beside its log, or in the bundle. (transfer full) */
static char *
make_record_path(const HfSession *self)
{
    const HfOptions *o = self->options;

    if (o->process_dir != NULL)
        return g_build_filename(o->process_dir, HF_STATE_SECCOMP, NULL);
    for (guint i = 0; i < o->log_specs->len; i++) {
        const HfLogSpec *spec = &g_array_index(o->log_specs, HfLogSpec, i);

        if (spec->driver == HF_LOG_DRIVER_K8S_FILE || spec->driver == HF_LOG_DRIVER_JSON_FILE)
            return g_strconcat(spec->path, "." HF_STATE_SECCOMP, NULL);
    }
    return g_build_filename(o->bundle, HF_STATE_SECCOMP, NULL);
}

static void
on_ready(gpointer user_data)
{
    HfSession *self = user_data;
    GError *error = NULL;

    /* There was no runtime to pass it on to. */
    if (self->last_signal == 0) {
        self->after_seccomp(self);
        return;
    }
    (void)!hf_throw(&error, HF_ERROR_FAILED, "ended by signal %d before the start",
                    self->last_signal);
    hf_session_take_failure(self, error);
}

static void
on_failed(GError *error, gpointer user_data)
{
    hf_session_take_failure(user_data, error);
}

static const HfSeccompChildHandlers handlers = {on_ready, on_failed};

void
hf_session_save_seccomp(const HfSession *self, HfStateWriter *writer)
{
    if (self->seccomp == NULL)
        return;
    hf_state_begin(writer, "seccomp");
    hf_seccomp_child_save(self->seccomp, writer);
    hf_state_end(writer);
}

void
hf_session_restore_seccomp(HfSession *self, HfStateReader *reader)
{
    HfStateReader *seccomp = hf_state_open(reader, "seccomp");

    if (seccomp != NULL)
        self->seccomp = hf_seccomp_child_new_saved(self->owner->context, self->owner->reaper,
                                                   seccomp, &handlers, self);
}

void
hf_session_start_seccomp(HfSession *self, void (*run)(HfSession *self))
{
    const HfOptions *o = self->options;
    GError *error = NULL;

    self->seccomp_record = make_record_path(self);
    self->after_seccomp = run;
    const HfSeccompChildOptions child = {
        .socket_path = o->seccomp_socket,
        .policy_path = o->seccomp_policy,
        .record_path = self->seccomp_record,
        .container_id = o->container_id,
        .oom_score_adj = self->owner->oom_score_adj,
    };
    self->seccomp = hf_seccomp_child_new(self->owner->context, self->owner->reaper, &child,
                                         &handlers, self, &error);
    if (self->seccomp == NULL)
        hf_session_take_failure(self, error);
}
