/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Which lines of a container's sd_notify(3) datagrams may reach the host's service manager. */

#pragma once

#include <stddef.h>

#include <glib.h>

/* The lines of a datagram that are relayed, joined by newlines: READY=1, RELOADING=1, STOPPING=1,
 * WATCHDOG=1, WATCHDOG=trigger, and any STATUS=, ERRNO=, BUSERROR= and MONOTONIC_USEC=. Never
 * MAINPID or FDSTORE: they would speak for the monitor. NULL if nothing is left. (transfer full) */
char *hf_notify_filter(const char *datagram, size_t length, size_t *out_length);
