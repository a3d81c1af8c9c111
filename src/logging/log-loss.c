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
