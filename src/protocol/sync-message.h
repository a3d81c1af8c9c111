/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The JSON lines an engine reads from the sync and attach pipes. docs/compat-conmon.md has the
 * table of who expects which key. */

#pragma once

#include <stddef.h>

#include <glib.h>

/* Podman reads one packet of at most this size: a longer line would reach it cut. */
#define HF_SYNC_MESSAGE_MAX 4096

typedef enum {
    HF_SYNC_KEY_PID,       /* create, no --api-version */
    HF_SYNC_KEY_EXIT_CODE, /* exec, no --api-version */
    HF_SYNC_KEY_DATA,      /* --api-version */
} HfSyncKey;

/* `{"KEY": VALUE}` or `{"KEY": VALUE, "message": "TEXT"}` and a newline: valid JSON of at most
 * HF_SYNC_MESSAGE_MAX bytes, whatever the bytes of @text are (NULL: no message). Bytes that are not
 * UTF-8 become U+FFFD. Of a text that is too long the beginning and the end are kept, with " ... "
 * between them: a runtime's last line is the one that says what failed. (transfer full) */
char *hf_sync_message_format(HfSyncKey key, int value, const char *text, size_t text_length,
                             size_t *out_length);
