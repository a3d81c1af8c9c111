/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works
 *
 * v1: freezer.state is what has become of the cgroup, on its own account or an ancestor's;
 * freezer.self_freezing says whether it is on its own. Kernels that lack the second file have no
 * frozen ancestors.
 *
 * v2: cgroup.freeze is what was asked of this cgroup, "frozen" in cgroup.events what has become of
 * it. A cgroup without processes is frozen at once in both. */

#include <glib.h>

#include "base/error.h"
#include "cgroup/cgroup-freezer.h"
#include "cgroup/cgroup-read.h"
#include "cgroup/cgroup-text.h"

typedef struct {
    bool has_own;     /* the kernel tells what was asked */
    bool has_outcome; /* and what has become of it */
    guint64 own;
    guint64 is_frozen;
    guint64 is_freezing;
} Facts;

const char *
hf_cgroup_freezer_state_to_string(HfCgroupFreezerState state)
{
    static const char *const names[] = {
        [HF_CGROUP_THAWED] = "thawed",
        [HF_CGROUP_FREEZING] = "freezing",
        [HF_CGROUP_FROZEN] = "frozen",
        [HF_CGROUP_FROZEN_BY_ANCESTOR] = "frozen by ancestor",
    };

    g_return_val_if_fail((guint)state < G_N_ELEMENTS(names), "?");
    return names[state];
}

bool
hf_cgroup_freezer_is_paused(HfCgroupFreezerState state)
{
    return state == HF_CGROUP_FREEZING || state == HF_CGROUP_FROZEN;
}

/* freezer.state */
static gboolean
parse_v1_state(const char *text, size_t length, gpointer out, GError **error)
{
    Facts *facts = out;
    HfCgroupText rest = {text, length};
    HfCgroupText word = {0};

    (void)hf_cgroup_text_next_word(&rest, &word);
    facts->is_frozen = hf_cgroup_text_is(word, "FROZEN");
    facts->is_freezing = hf_cgroup_text_is(word, "FREEZING");
    if (!facts->is_frozen && !facts->is_freezing && !hf_cgroup_text_is(word, "THAWED"))
        return hf_throw(error, HF_ERROR_PROTOCOL, "it does not hold a freezer's state");
    return TRUE;
}

/* cgroup.events */
static gboolean
parse_v2_events(const char *text, size_t length, gpointer out, GError **error)
{
    Facts *facts = out;
    g_autoptr(GArray) pairs = hf_cgroup_pairs_new();

    if (!hf_cgroup_parse_pairs(text, length, pairs, error))
        return FALSE;
    facts->is_frozen = hf_cgroup_pairs_get(pairs, "frozen", &facts->has_outcome);
    return TRUE;
}

static gboolean
read_v1(const HfCgroupDir *dir, Facts *facts, GError **error)
{
    if (!hf_cgroup_dir_read(dir, "freezer.state", parse_v1_state, facts, &facts->has_outcome,
                            error) ||
        !hf_cgroup_dir_read(dir, "freezer.self_freezing", hf_cgroup_parse_number, &facts->own,
                            &facts->has_own, error))
        return FALSE;
    if (!facts->has_own)
        facts->own = facts->is_frozen || facts->is_freezing;
    facts->has_own = true;
    return TRUE;
}

static gboolean
read_v2(const HfCgroupDir *dir, Facts *facts, GError **error)
{
    return hf_cgroup_dir_read(dir, "cgroup.freeze", hf_cgroup_parse_number, &facts->own,
                              &facts->has_own, error) &&
           hf_cgroup_dir_read(dir, "cgroup.events", parse_v2_events, facts, NULL, error);
}

static HfCgroupFreezerState
judge(const Facts *facts)
{
    if (facts->own != 0)
        return facts->is_frozen ? HF_CGROUP_FROZEN : HF_CGROUP_FREEZING;
    return facts->is_frozen || facts->is_freezing ? HF_CGROUP_FROZEN_BY_ANCESTOR : HF_CGROUP_THAWED;
}

gboolean
hf_cgroup_freezer_read(const HfCgroupDirs *dirs, HfCgroupFreezerState *out_state, GError **error)
{
    HfCgroupVersion version = HF_CGROUP_V2;
    const char *path = hf_cgroup_dirs_find(dirs, HF_CGROUP_FREEZER, &version);
    g_autoptr(HfCgroupDir) dir = NULL;
    Facts facts = {0};

    g_return_val_if_fail(error == NULL || *error == NULL, FALSE);

    if (path == NULL)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "the container has no freezer");
    dir = hf_cgroup_dir_open(path, error);
    if (dir == NULL || !(version == HF_CGROUP_V1 ? read_v1 : read_v2)(dir, &facts, error) ||
        !hf_cgroup_dir_check_exists(dir, error))
        return FALSE;
    if (!facts.has_own || !facts.has_outcome)
        return hf_throw(error, HF_ERROR_NOT_SUPPORTED, "cgroup '%s' has no freezer", path);
    *out_state = judge(&facts);
    return TRUE;
}
