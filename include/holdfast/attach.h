/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

/**
 * HfAttachOutcome:
 * @HF_ATTACH_OUTCOME_DETACHED: the detach keys were typed, or hf_attach_session_detach() called
 * @HF_ATTACH_OUTCOME_ENDED: the monitor closed the connection: the process has ended, or the client
 *   was dropped because it did not read
 */
typedef enum {
    HF_ATTACH_OUTCOME_DETACHED,
    HF_ATTACH_OUTCOME_ENDED,
} HfAttachOutcome;

#define HF_TYPE_ATTACH_OUTCOME (hf_attach_outcome_get_type())
HF_PUBLIC
GType hf_attach_outcome_get_type(void);

/**
 * HfAttachSession:
 *
 * Descriptors of this program that are joined to the streams of a process: made by
 * hf_process_attach(). Dropping the last reference leaves at once.
 */
#define HF_TYPE_ATTACH_SESSION (hf_attach_session_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfAttachSession, hf_attach_session, HF, ATTACH_SESSION, GObject)

/**
 * HfAttachSession::ended:
 * @self: the session
 *
 * Once, when all is written and the terminal has its modes back.
 */

/**
 * hf_attach_session_run:
 * @out_outcome: (out):
 *
 * Runs the session's main context until it has ended.
 *
 * Returns: %FALSE if the session failed
 */
HF_PUBLIC
gboolean hf_attach_session_run(HfAttachSession *self, HfAttachOutcome *out_outcome, GError **error);

/**
 * hf_attach_session_is_connected:
 *
 * Returns: whether what the process prints reaches the session
 */
HF_PUBLIC
gboolean hf_attach_session_is_connected(HfAttachSession *self);

/**
 * hf_attach_session_wait_connected:
 *
 * Runs the session's main context until what the process prints reaches it. To be called between
 * hf_container_start() and hf_process_start() by whoever wants the first byte too.
 */
HF_PUBLIC
gboolean hf_attach_session_wait_connected(HfAttachSession *self, GError **error);

/**
 * hf_attach_session_detach:
 *
 * As if the detach keys had been typed.
 */
HF_PUBLIC
void hf_attach_session_detach(HfAttachSession *self);

/**
 * hf_attach_session_update_size:
 *
 * To be called upon SIGWINCH.
 */
HF_PUBLIC
void hf_attach_session_update_size(HfAttachSession *self);

/**
 * hf_attach_session_resume:
 *
 * To be called upon SIGCONT: makes the terminal raw again.
 */
HF_PUBLIC
void hf_attach_session_resume(HfAttachSession *self);

G_END_DECLS
