/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/error.h"
#include "base/fd.h"
#include "library/container-change.h"
#include "library/runtime-command.h"

static gboolean
update_locked(HfContainer *self, HfResources *resources, GCancellable *cancellable, GError **error)
{
    /* Not "-", which crun does not know. */
    const char *const args[] = {"update", "--resources", "/proc/self/fd/0", self->id, NULL};
    g_autofree char *json = hf_resources_to_json(resources);
    HfContainerState state = hf_container_get_state(self);

    if (state == HF_CONTAINER_STATE_NEW || state == HF_CONTAINER_STATE_STOPPED)
        return hf_throw(error, HF_ERROR_INVALID_STATE, "it is %s, and has no limits",
                        hf_container_state_to_string(state));
    return hf_runtime_command_run(self, args, json, NULL, cancellable, error);
}

gboolean
hf_container_update_resources(HfContainer *self, HfResources *resources, GCancellable *cancellable,
                              GError **error)
{
    g_auto(HfContainerChange) change = HF_CONTAINER_CHANGE_NONE;

    g_return_val_if_fail(HF_IS_CONTAINER(self), FALSE);
    g_return_val_if_fail(HF_IS_RESOURCES(resources), FALSE);

    if (!hf_container_change_begin(self, HF_CONTAINER_LOCK_EXCLUSIVE, cancellable, &change, error))
        return FALSE;
    if (!update_locked(self, resources, cancellable, error)) {
        g_prefix_error(error, "update container '%s': ", self->id);
        return FALSE;
    }
    return TRUE;
}
