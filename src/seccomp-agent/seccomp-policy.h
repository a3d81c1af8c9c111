/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What is answered to a system call: rules from a file, of which the first that names the call
 * counts, and how often in a minute. docs/holdfast-seccomp-agent.8 has the format. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
    HF_SECCOMP_LOG,      /* recorded, and let through */
    HF_SECCOMP_ERRNO,    /* recorded, and fails */
    HF_SECCOMP_CONTINUE, /* let through */
    HF_SECCOMP_KILL,     /* recorded, and the process is killed */
    HF_SECCOMP_LIMITED,  /* fails with EAGAIN: too many in this minute */
} HfSeccompAction;

/* "log", "errno", "continue", "kill", "limited" */
const char *hf_seccomp_action_to_string(HfSeccompAction action);

typedef struct {
    HfSeccompAction action;
    int errnum;       /* of ERRNO and LIMITED */
    bool is_recorded; /* of LIMITED: the first in its minute */
} HfSeccompVerdict;

typedef struct HfSeccompPolicy HfSeccompPolicy;

/* @text is the file's. HF_ERROR_PROTOCOL names the place and what is wrong there. (transfer full)
 */
HfSeccompPolicy *hf_seccomp_policy_parse(const char *text, gsize length,
                                         GError **error) G_GNUC_WARN_UNUSED_RESULT;

/* Without rules: every call fails with ENOSYS, as if nobody answered. (transfer full) */
HfSeccompPolicy *hf_seccomp_policy_new(void);
void hf_seccomp_policy_free(HfSeccompPolicy *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSeccompPolicy, hf_seccomp_policy_free)

/* What to answer to a call of @syscall at @now_us (of any clock that does not go back). It counts
 * towards the limits. */
HfSeccompVerdict hf_seccomp_policy_decide(HfSeccompPolicy *self, const char *syscall,
                                          gint64 now_us);
