/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Relays what a container says to sd_notify(3) to the host's service manager, through the whitelist
 * of protocol/notify-filter. */

#pragma once

#include <glib.h>

#include "base/saved-state.h"

typedef struct HfNotifyRelay HfNotifyRelay;

/* Binds notify/notify.sock (mode 0777) below @bundle_fd; the engine made the directory.
 * @host_address is a path, or "@name" for an abstract socket. Datagrams that the host does not take
 * at once are dropped, as sd_notify(3) allows. */
HfNotifyRelay *hf_notify_relay_new(GMainContext *context, int bundle_fd, const char *host_address,
                                   GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Closes and removes the socket. */
void hf_notify_relay_free(HfNotifyRelay *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfNotifyRelay, hf_notify_relay_free)

/* For a relay in another program that goes on with the socket, to the same host. */
void hf_notify_relay_save(const HfNotifyRelay *self, HfStateWriter *writer);
/* NULL, and said to @reader, if it is not there or the address is wrong. */
HfNotifyRelay *hf_notify_relay_new_saved(GMainContext *context, HfStateReader *reader,
                                         const char *host_address);
