/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "base/fd.h"
#include "library/process-private.h"
#include "library/state-dir.h"
#include "protocol/state-names.h"
#include "protocol/streams-file.h"

gboolean
hf_process_is_terminal_lost(HfProcess *self)
{
    g_auto(HfStreamsFile) streams = {0};
    g_autofree char *text = NULL;
    gsize length = 0;

    g_return_val_if_fail(HF_IS_PROCESS(self), FALSE);

    hf_autofd dir_fd = hf_process_open(self, NULL);
    if (dir_fd >= 0)
        text = hf_state_read_file(dir_fd, HF_STATE_STREAMS, &length, NULL);
    return text != NULL && hf_streams_file_parse(text, length, &streams, NULL) &&
           streams.is_terminal_lost;
}
