/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "logging/log-sink.h"

void
hf_log_sink_free(HfLogSink *self)
{
    if (self != NULL)
        self->klass->free(self);
}
