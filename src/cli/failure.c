/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <string.h>

#include "cli/cli.h"
#include "cli/failure.h"

/* From where on the text is about the container's command; NULL: nowhere. Other things may be
 * missing or forbidden too. */
static const char *
find_command_part(const char *message)
{
    static const char *const beginnings[] = {
        "exec: \"",               /* runc */
        "executable file `",      /* crun */
        "open executable",        /* crun */
        "exec container process", /* crun */
    };

    for (gsize i = 0; i < G_N_ELEMENTS(beginnings); i++) {
        const char *part = strstr(message, beginnings[i]);

        if (part != NULL)
            return part;
    }
    return NULL;
}

int
hf_failure_to_status(const GError *error)
{
    static const struct {
        const char *reason; /* in lower case */
        int status;
    } reasons[] = {
        {"not found in $path", HF_CLI_NO_COMMAND},
        {"no such file or directory", HF_CLI_NO_COMMAND},
        {"permission denied", HF_CLI_CANNOT_INVOKE},
        {"exec format error", HF_CLI_CANNOT_INVOKE},
        {"is a directory", HF_CLI_CANNOT_INVOKE},
    };
    g_autofree char *part = NULL;

    if (g_error_matches(error, HF_ERROR, HF_ERROR_RUNTIME_FAILED))
        part = g_strdup(find_command_part(error->message));
    if (part == NULL)
        return HF_CLI_FAILED;
    for (char *at = part; *at != '\0'; at++)
        *at = g_ascii_tolower(*at);
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (strstr(part, reasons[i].reason) != NULL)
            return reasons[i].status;
    }
    return HF_CLI_FAILED;
}
