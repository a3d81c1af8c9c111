/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The router's struct, shared by log-router.c and log-router-save.c. */

#pragma once

#include "logging/line-splitter.h"
#include "logging/log-outlet.h"
#include "logging/log-router.h"

typedef struct {
    HfLogOutlet base;
    HfLogRouter *router; /* borrowed: its owner */
    GSource *wait;       /* while BUSY: for the sink's descriptor */
    bool is_wait_futile;
} HfLogRouterOutlet;

struct HfLogRouter {
    GMainContext *context;
    const HfLogRouterHandlers *handlers;
    gpointer user_data;
    HfLineSplitter *splitters[HF_STREAM_COUNT];
    GPtrArray *outlets; /* (element-type Outlet) (transfer full) */
    HfLogRecord record;
    guint64 handed[HF_STREAM_COUNT]; /* bytes of output that sinks were given as records */
    GSource *retry;
    guint retry_delay_ms; /* of the timer that runs */
    guint busy_delay_ms;  /* of the next one, for a sink that is BUSY */
    bool was_congested;   /* on_ready() is owed */
};

/* Watches descriptors, and starts, stops or hastens the timer. */
void hf_log_router_update_retry(HfLogRouter *self);
