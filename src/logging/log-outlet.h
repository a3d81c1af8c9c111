/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* One of a router's sinks, with what the policy on records that wait needs to know. */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>

#include "logging/log-loss.h"
#include "logging/log-router.h"
#include "logging/log-sink.h"

typedef enum {
    HF_LOG_OUTLET_GOOD,
    HF_LOG_OUTLET_BUSY,
    HF_LOG_OUTLET_FAILED,
} HfLogOutletState;

/* Embedded in its owner. */
typedef struct {
    HfLogSink *sink; /* owned */
    HfLogOutletState state;
    HfLogPolicy policy;
    bool is_dropping;
    HfLogLoss missing;
    char *cause; /* of the loss; NULL: the target took no more */
} HfLogOutlet;

void hf_log_outlet_clear(HfLogOutlet *self);

size_t hf_log_outlet_get_pending(const HfLogOutlet *self);

/* Flushes the sink, and behind what waited writes the record of a loss. Does not change the state.
 * *@out_has_moved: something went away. */
HfIoResult hf_log_outlet_flush(HfLogOutlet *self, bool *out_has_moved,
                               GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Whether a lossy policy lets @length bytes wait. */
bool hf_log_outlet_has_room(const HfLogOutlet *self, size_t length);

/* Appends the record that tells of what is missing, if something is. */
void hf_log_outlet_report(HfLogOutlet *self);

/* Has the sink drop what waits if that is more than a target that fails is allowed. */
void hf_log_outlet_drop_excess(HfLogOutlet *self);

/* Whether the container is to be held up for it. */
bool hf_log_outlet_is_congested(const HfLogOutlet *self);
