/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/clock.h"
#include "logging/log-outlet.h"

#define CONGESTED_BYTES (256 * 1024)
/* More than a file sink keeps by itself. */
#define PENDING_MAX (2 * 1024 * 1024)

void
hf_log_outlet_clear(HfLogOutlet *self)
{
    g_clear_pointer(&self->sink, hf_log_sink_free);
    g_clear_pointer(&self->cause, g_free);
}

size_t
hf_log_outlet_get_pending(const HfLogOutlet *self)
{
    return self->sink->klass->get_pending(self->sink);
}

void
hf_log_outlet_report(HfLogOutlet *self)
{
    if (self->missing.records == 0)
        return;
    g_autofree char *text = hf_log_loss_describe(
        &self->missing, self->cause != NULL ? self->cause : "the log's target is too slow");
    HfLogRecord record = {
        .stream = HF_STREAM_STDERR,
        .bytes = text,
        .length = strlen(text),
        .time = hf_clock_now(),
    };

    self->missing = (HfLogLoss){0};
    self->sink->klass->append(self->sink, &record);
}

static HfIoResult
flush_once(HfLogOutlet *self, bool *out_has_moved, GError **error)
{
    g_autoptr(GError) local_error = NULL;
    size_t pending_before = hf_log_outlet_get_pending(self);
    HfIoResult result = self->sink->klass->flush(self->sink, &local_error);

    if (hf_log_outlet_get_pending(self) < pending_before)
        *out_has_moved = true;
    if (self->missing.records == 0) {
        g_free(self->cause);
        self->cause = local_error != NULL ? g_strdup(local_error->message) : NULL;
    }
    if (local_error != NULL)
        g_propagate_error(error, g_steal_pointer(&local_error));
    return result;
}

HfIoResult
hf_log_outlet_flush(HfLogOutlet *self, bool *out_has_moved, GError **error)
{
    HfIoResult result;

    *out_has_moved = false;
    result = flush_once(self, out_has_moved, error);
    if (result == HF_IO_DATA && self->missing.records > 0) {
        hf_log_outlet_report(self);
        result = flush_once(self, out_has_moved, error);
    }
    return result;
}

bool
hf_log_outlet_has_room(const HfLogOutlet *self, size_t length)
{
    size_t pending = hf_log_outlet_get_pending(self);
    size_t limit = self->is_dropping ? self->policy.buffer_max / 2 : self->policy.buffer_max;

    return pending == 0 || pending + length <= limit;
}

void
hf_log_outlet_drop_excess(HfLogOutlet *self)
{
    if (hf_log_outlet_get_pending(self) > MAX(PENDING_MAX, 2 * self->policy.buffer_max))
        self->sink->klass->drop_pending(self->sink);
}

bool
hf_log_outlet_is_congested(const HfLogOutlet *self)
{
    const HfLogSinkClass *klass = self->sink->klass;

    return self->state == HF_LOG_OUTLET_BUSY && hf_log_outlet_get_pending(self) > CONGESTED_BYTES &&
           !self->policy.is_lossy && !(klass->is_lossy != NULL && klass->is_lossy(self->sink));
}
