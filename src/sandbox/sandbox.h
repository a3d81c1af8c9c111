/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this program confines itself once it needs little: what it gives up is given up for good.
 * docs/security.md says what, when and why. */

#pragma once

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include <glib.h>

#include "base/saved-state.h"
#include "sandbox/denials.h"
#include "sandbox/landlock.h"

typedef enum {
    HF_SANDBOX_AUTO,   /* as far as it can be */
    HF_SANDBOX_STRICT, /* and nothing is executed any more, not even an upgrade */
    HF_SANDBOX_OFF,
} HfSandboxMode;

bool hf_sandbox_mode_parse(const char *text, HfSandboxMode *out_mode);

/* Whether the filter that `strict` stands for can be had. */
gboolean hf_sandbox_check_strict(GError **error) G_GNUC_WARN_UNUSED_RESULT;

typedef struct HfSandbox HfSandbox;

/* What is still needed. */
typedef struct {
    bool is_filtered;     /* nothing of somebody else's is executed: a filter, and Landlock */
    bool is_upgradable;   /* but this program's next version is */
    bool loads_libraries; /* and that is linked to some; only where Landlock is */
    bool executes;        /* somebody else's program is */
    bool stays_dumpable;  /* its /proc is looked at by others of the same user */
    bool keeps_trace;     /* how a process that is no child has ended is read in /proc */
    bool can_fork;
    bool reads_files;   /* whether Landlock is there or not */
    bool reads_guarded; /* only where it is */
    bool has_unix_sockets;
    bool has_inet_sockets;
    bool keeps_abstract_sockets;
    pid_t groups[2]; /* may be killed; 0: none */
} HfSandboxNeeds;

/* @on_denial: of a filter's denials. @context outlives it. */
HfSandbox *hf_sandbox_new(GMainContext *context, HfDenialFunc on_denial, gpointer user_data);
/* What was given up stays so. */
void hf_sandbox_free(HfSandbox *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HfSandbox, hf_sandbox_free)

/* Before confine(): a place that is needed. Those of FILES and REMOVAL have to be writable. */
void hf_sandbox_add_place(HfSandbox *self, HfPlaceKind kind, const char *path);

/* Gives up what is not needed, as far as it can. What could not be given up is told to
 * @on_problem, and nothing else follows of it: the container comes first. */
void hf_sandbox_confine(HfSandbox *self, const HfSandboxNeeds *needs,
                        void (*on_problem)(const GError *error, gpointer user_data),
                        gpointer user_data);

/* hf_probe_run(), also without a sandbox (NULL). */
void hf_sandbox_probe(const HfSandbox *self);

/* A filter is there. */
bool hf_sandbox_is_filtered(const HfSandbox *self);

/* The one descriptor that the filter lets be executed: a program is put there first. -1: none. */
int hf_sandbox_get_program_fd(const HfSandbox *self);

/* The limit for core dumps that children are to have again; NULL: they have it. */
const rlim_t *hf_sandbox_get_core_limit(const HfSandbox *self);

/* An upgrade: what the kernel keeps across it. */
void hf_sandbox_save(const HfSandbox *self, HfStateWriter *writer);
void hf_sandbox_restore(HfSandbox *self, HfStateReader *reader);
/* Of a state as a whole: the descriptor that a program has to be at to be executed; -1: any. */
int hf_sandbox_find_program_fd(HfStateReader *sandbox);
