/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "logging/log-loss.h"

char *
hf_log_loss_describe(const HfLogLoss *self, const char *cause)
{
    char *text = g_strdup_printf("holdfast: %" G_GUINT64_FORMAT " bytes in %" G_GUINT64_FORMAT
                                 " records were not logged: %s",
                                 self->bytes, self->records, cause);

    return g_strdelimit(text, "\n", ' ');
}

void
hf_log_loss_save(const HfLogLoss *self, HfStateWriter *writer, const char *name)
{
    if (self->records == 0)
        return;
    hf_state_begin(writer, name);
    hf_state_put_number(writer, "records", (gint64)MIN(self->records, G_MAXINT64));
    hf_state_put_number(writer, "bytes", (gint64)MIN(self->bytes, G_MAXINT64));
    hf_state_end(writer);
}

void
hf_log_loss_restore(HfLogLoss *self, HfStateReader *reader, const char *name)
{
    HfStateReader *loss = hf_state_open(reader, name);

    if (loss == NULL)
        return;
    self->records = (guint64)hf_state_get_number(loss, "records", 0, G_MAXINT64, 0);
    self->bytes = (guint64)hf_state_get_number(loss, "bytes", 0, G_MAXINT64, 0);
}
