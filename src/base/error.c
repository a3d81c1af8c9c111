/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>
#include <stdarg.h>

#include "base/error.h"

/* clang-format off */
G_DEFINE_QUARK(hf-error-quark, hf_error)
/* clang-format on */

gboolean
hf_throw(GError **error, HfError code, const char *format, ...)
{
    va_list args;

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    va_start(args, format);
    g_propagate_error(error, g_error_new_valist(HF_ERROR, (int)code, format, args));
    va_end(args);
    return FALSE;
}

static void
set_errno_error(GError **error, int errnum, const char *format, va_list args)
{
    g_autofree char *what = g_strdup_vprintf(format, args);

    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errnum), "%s: %s", what,
                g_strerror(errnum));
}

gboolean
hf_throw_errnum(GError **error, int errnum, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    set_errno_error(error, errnum, format, args);
    va_end(args);
    return FALSE;
}

gboolean
hf_throw_errno(GError **error, const char *format, ...)
{
    int errnum = errno;
    va_list args;

    va_start(args, format);
    set_errno_error(error, errnum, format, args);
    va_end(args);
    return FALSE;
}
