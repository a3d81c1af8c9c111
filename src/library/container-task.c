/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "library/container-start.h"
#include "library/io-private.h"
#include "library/process-make.h"
#include "protocol/state-names.h"

/* How this works: a task is a container's first process with two things beside it, copied streams
 * and mounts. The mounts are on disk (state.json) and outlive every object; the streams are this
 * program's, and whoever loads the task makes his own. */

static gboolean
has_terminal(HfContainer *self, gboolean *out_has_terminal, GError **error)
{
    g_autoptr(HfSpec) spec = hf_spec_new_from_bundle(self->file->bundle, error);
    g_autoptr(HfProcessSpec) process = spec != NULL ? hf_spec_dup_process(spec) : NULL;

    if (spec == NULL)
        return FALSE;
    *out_has_terminal = process != NULL && hf_process_spec_get_terminal(process);
    return TRUE;
}

/* *@out_io is NULL without a callback. */
static gboolean
make_io(HfContainer *self, HfIoCreateFunc create_io, gpointer user_data, HfIo **out_io,
        GError **error)
{
    gboolean is_terminal = FALSE;

    *out_io = NULL;
    if (create_io == NULL)
        return TRUE;
    if (!has_terminal(self, &is_terminal, error))
        return FALSE;
    *out_io = create_io(HF_STATE_INIT, is_terminal, user_data, error);
    return *out_io != NULL;
}

/* Nobody will ever open the other side. */
static void
drop_io(HfIo *io)
{
    g_autoptr(GError) failure = NULL;

    if (io == NULL)
        return;
    hf_io_cancel(io);
    if (!hf_fifo_set_remove(hf_io_get_fifos(io), &failure))
        g_debug("%s", failure->message);
}

static gboolean
begin(HfProcess *process, GPtrArray *rootfs, GCancellable *cancellable, GError **error)
{
    if (*process->file->checkpoint == '\0')
        return hf_container_start_process(process, rootfs, cancellable, error);
    process->is_created_at_start = true;
    return hf_container_prepare_process(process, rootfs, cancellable, error);
}

HfProcess *
hf_container_new_task(HfContainer *self, HfIoCreateFunc create_io, gpointer user_data,
                      GPtrArray *rootfs, const char *checkpoint, GCancellable *cancellable,
                      GError **error)
{
    g_autoptr(HfProcess) process = NULL;
    g_autoptr(HfStdio) stdio = NULL;
    g_autoptr(HfIo) io = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    if (!make_io(self, create_io, user_data, &io, error)) {
        hf_container_prefix_error(self, error);
        return NULL;
    }
    if (io != NULL)
        stdio = hf_fifo_set_dup_stdio(hf_io_get_fifos(io));
    process = hf_process_make_init(self, checkpoint, stdio, error);
    if (process == NULL)
        hf_container_prefix_error(self, error);
    if (process == NULL || !begin(process, rootfs, cancellable, error)) {
        drop_io(io);
        return NULL;
    }
    process->io = g_steal_pointer(&io);
    return g_steal_pointer(&process);
}

HfProcess *
hf_container_load_task(HfContainer *self, HfIoAttachFunc attach_io, gpointer user_data,
                       GError **error)
{
    g_autoptr(HfProcess) process = NULL;
    g_autoptr(HfFifoSet) fifos = NULL;

    g_return_val_if_fail(HF_IS_CONTAINER(self), NULL);
    g_return_val_if_fail(error == NULL || *error == NULL, NULL);

    process = hf_container_get_process(self, HF_STATE_INIT, error);
    if (process == NULL || attach_io == NULL)
        return g_steal_pointer(&process);
    fifos = hf_fifo_set_new_for_stdio(process->stdio, process->file->has_terminal);
    process->io = attach_io(fifos, user_data, error);
    if (process->io == NULL) {
        hf_container_prefix_error(self, error);
        return NULL;
    }
    /* Opened behind the monitor's back, the FIFOs would never have an end. */
    if (hf_process_get_state(process) == HF_PROCESS_STATE_STOPPED &&
        !hf_process_has_monitor(process))
        hf_io_end_output(process->io);
    return g_steal_pointer(&process);
}
