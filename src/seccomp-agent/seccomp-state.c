/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "seccomp-agent/seccomp-state.h"
#include "state/json-member.h"
#include "state/json-text.h"

#define FD_NAME "seccompFd"

static gboolean
find_fd(HfSeccompState *state, char **names, GError **error)
{
    guint found = 0;

    for (guint i = 0; names != NULL && names[i] != NULL; i++) {
        state->fd_count++;
        if (strcmp(names[i], FD_NAME) != 0)
            continue;
        state->seccomp_fd = i;
        found++;
    }
    if (found != 1)
        return hf_throw(error, HF_ERROR_PROTOCOL, "fds: " FD_NAME " is expected once, not %u times",
                        found);
    return TRUE;
}

gboolean
hf_seccomp_state_parse(const char *text, gsize length, HfSeccompState *out_state, GError **error)
{
    g_auto(HfSeccompState) state = {0};
    g_auto(GStrv) names = NULL;
    JsonObject *container = NULL;
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, error);

    if (object == NULL || !hf_json_member_read_strings(object, "", "fds", &names, error) ||
        !hf_json_member_read_string(object, "", "metadata", &state.metadata, error) ||
        !hf_json_member_read_object(object, "", "state", &container, error))
        return FALSE;
    if (container == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "state: is missing");
    if (!hf_json_member_read_string(container, "state.", "id", &state.container_id, error))
        return FALSE;
    if (state.container_id == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "state.id: is missing");
    if (!find_fd(&state, names, error))
        return FALSE;
    *out_state = state;
    memset(&state, 0, sizeof state);
    return TRUE;
}

void
hf_seccomp_state_clear(HfSeccompState *state)
{
    g_clear_pointer(&state->container_id, g_free);
    g_clear_pointer(&state->metadata, g_free);
}
