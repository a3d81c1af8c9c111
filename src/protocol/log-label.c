/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "base/error.h"
#include "protocol/log-label.h"

gboolean
hf_log_label_check(const char *label, GError **error)
{
    const char *equals = strchr(label, '=');

    if (equals == NULL || equals == label || strchr(equals + 1, '=') != NULL)
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Container labels must be in format LABEL=VALUE: '%s'", label);
    if (strspn(label, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") < (size_t)(equals - label))
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT,
                        "Container label names must contain only uppercase letters, numbers and "
                        "underscore: '%s'",
                        label);
    return TRUE;
}
