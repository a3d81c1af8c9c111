/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: sinks are saved in their order, and one that is made anew finds what was saved of
 * it under its number before the router is restored (log-sinks.c). What the router itself knows of
 * a sink follows then. Sources are not saved: what waits is what they are made from. */

#include <stdio.h>

#include <glib.h>

#include "logging/log-router-private.h"

typedef struct {
    char text[16];
} Name;

static Name
name_of(guint i)
{
    Name name;

    (void)g_snprintf(name.text, sizeof name.text, "sink%u", i);
    return name;
}

HfStateReader *
hf_log_router_open_saved_sink(HfStateReader *reader, guint i)
{
    return hf_state_open_needed(reader, name_of(i).text);
}

static void
save_outlet(const HfLogOutlet *outlet, HfStateWriter *writer)
{
    hf_state_put_number(writer, "state", outlet->state);
    hf_state_put_bool(writer, "policy-drops", outlet->is_dropping);
    hf_log_loss_save(&outlet->missing, writer, "policy-missing");
    hf_state_put_text(writer, "policy-cause", outlet->cause);
    outlet->sink->klass->save(outlet->sink, writer);
}

void
hf_log_router_save(const HfLogRouter *self, HfStateWriter *writer)
{
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        hf_state_begin(writer, hf_stream_to_string((HfStream)i));
        hf_line_splitter_save(self->splitters[i], writer);
        hf_state_put_number(writer, "handed", (gint64)self->handed[i]);
        hf_state_end(writer);
    }
    for (guint i = 0; i < self->outlets->len; i++) {
        const HfLogRouterOutlet *outlet = g_ptr_array_index(self->outlets, i);

        hf_state_begin(writer, name_of(i).text);
        save_outlet(&outlet->base, writer);
        hf_state_end(writer);
    }
    hf_state_put_number(writer, "sinks", self->outlets->len);
    hf_state_put_bool(writer, "was-congested", self->was_congested);
}

static void
restore_outlet(HfLogOutlet *outlet, HfStateReader *reader)
{
    outlet->state = (HfLogOutletState)hf_state_get_number(reader, "state", HF_LOG_OUTLET_GOOD,
                                                          HF_LOG_OUTLET_FAILED, 0);
    outlet->is_dropping = hf_state_get_bool(reader, "policy-drops");
    hf_log_loss_restore(&outlet->missing, reader, "policy-missing");
    outlet->cause = g_strdup(hf_state_get_text(reader, "policy-cause"));
}

void
hf_log_router_restore(HfLogRouter *self, HfStateReader *reader)
{
    if (hf_state_get_number(reader, "sinks", 0, G_MAXUINT32, 0) != self->outlets->len)
        hf_state_reader_fail(reader, "sinks", "are not those of the command line");
    for (guint i = 0; i < HF_STREAM_COUNT; i++) {
        HfStateReader *stream = hf_state_open_needed(reader, hf_stream_to_string((HfStream)i));

        hf_line_splitter_restore(self->splitters[i], stream);
        self->handed[i] = (guint64)hf_state_get_number(stream, "handed", 0, G_MAXINT64, 0);
    }
    for (guint i = 0; i < self->outlets->len; i++) {
        HfLogRouterOutlet *outlet = g_ptr_array_index(self->outlets, i);

        restore_outlet(&outlet->base, hf_log_router_open_saved_sink(reader, i));
    }
    self->was_congested = hf_state_get_bool(reader, "was-congested");
    hf_log_router_update_retry(self);
}
