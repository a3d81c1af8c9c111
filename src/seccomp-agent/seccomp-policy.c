/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * A policy is a list of rules and a limit over all of them. A rule has the names of its calls in a
 * set, whether "*" is among them, an action, and a limit of its own. A call is looked up rule by
 * rule; what no rule names gets the answer that the kernel gives where nobody listens, ENOSYS.
 *
 * A limit counts calls in a minute that begins with the first of them. Only an answer that lets
 * something happen or costs a record is limited: a call that kills its process cannot be many. The
 * first call above a limit is recorded, the others of that minute are not.
 *
 * A member that is not known is an error, so that a rule that is written wrongly is not one that
 * lets everything pass. */

#include <errno.h>
#include <seccomp.h>
#include <string.h>

#include "base/error.h"
#include "seccomp-agent/seccomp-policy.h"
#include "state/json-member.h"
#include "state/json-text.h"

#define RULES_MAX 256
#define SYSCALLS_MAX 1024
#define ERRNO_LAST 4095
#define MINUTE_US (60 * G_USEC_PER_SEC)

typedef struct {
    guint per_minute; /* 0: no limit */
    guint used;
    gint64 minute_start_us; /* 0: none has begun */
} Limit;

typedef struct {
    GHashTable *syscalls; /* (element-type utf8), a set */
    bool is_for_all;
    HfSeccompAction action;
    int errnum;
    Limit limit;
} Rule;

struct HfSeccompPolicy {
    GPtrArray *rules; /* of Rule */
    Limit limit;
};

static const char *const action_names[] = {"log", "errno", "continue", "kill", "limited"};

const char *
hf_seccomp_action_to_string(HfSeccompAction action)
{
    return action_names[action];
}

static void
rule_free(Rule *self)
{
    g_hash_table_unref(self->syscalls);
    g_free(self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rule, rule_free)

HfSeccompPolicy *
hf_seccomp_policy_new(void)
{
    HfSeccompPolicy *self = g_new0(HfSeccompPolicy, 1);

    self->rules = g_ptr_array_new_with_free_func((GDestroyNotify)rule_free);
    return self;
}

void
hf_seccomp_policy_free(HfSeccompPolicy *self)
{
    if (self == NULL)
        return;
    g_ptr_array_unref(self->rules);
    g_free(self);
}

static gboolean
check_members(JsonObject *object, const char *where, const char *const *known, GError **error)
{
    g_autoptr(GList) names = json_object_get_members(object);

    for (GList *name = names; name != NULL; name = name->next) {
        if (!g_strv_contains(known, name->data))
            return hf_throw(error, HF_ERROR_PROTOCOL, "%s%s: no such member is known", where,
                            (const char *)name->data);
    }
    return TRUE;
}

static int
find_errno(const char *name)
{
    for (int errnum = 1; errnum <= ERRNO_LAST; errnum++) {
        const char *known = strerrorname_np(errnum);

        if (known != NULL && strcmp(known, name) == 0)
            return errnum;
    }
    return 0;
}

/* A name of any architecture that libseccomp knows: a rule may be for a call that this one lacks.
 */
static bool
is_syscall_name(const char *name)
{
    return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static gboolean
read_syscalls(Rule *rule, JsonObject *object, const char *where, GError **error)
{
    g_auto(GStrv) names = NULL;

    if (!hf_json_member_read_strings(object, where, "syscalls", &names, error))
        return FALSE;
    if (names == NULL || names[0] == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%ssyscalls: a list of names is expected", where);
    if (g_strv_length(names) > SYSCALLS_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "%ssyscalls: more than %d names", where,
                        SYSCALLS_MAX);
    for (guint i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], "*") == 0)
            rule->is_for_all = true;
        else if (is_syscall_name(names[i]))
            g_hash_table_add(rule->syscalls, g_strdup(names[i]));
        else
            return hf_throw(error, HF_ERROR_PROTOCOL,
                            "%ssyscalls[%u]: no system call is named '%s'", where, i, names[i]);
    }
    return TRUE;
}

static gboolean
read_action(Rule *rule, JsonObject *object, const char *where, GError **error)
{
    g_autofree char *action = NULL;
    g_autofree char *errno_name = NULL;
    int number = 0;

    if (!hf_json_member_read_string(object, where, "action", &action, error) ||
        !hf_json_member_read_string(object, where, "errno", &errno_name, error))
        return FALSE;
    if (action == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%saction: is missing", where);
    while (number < HF_SECCOMP_LIMITED && strcmp(action_names[number], action) != 0)
        number++;
    if (number == HF_SECCOMP_LIMITED)
        return hf_throw(error, HF_ERROR_PROTOCOL,
                        "%saction: log, errno, continue or kill is expected, this is '%s'", where,
                        action);
    rule->action = (HfSeccompAction)number;
    if (errno_name != NULL && rule->action != HF_SECCOMP_ERRNO)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%serrno: has no meaning with action '%s'", where,
                        action);
    rule->errnum = errno_name != NULL ? find_errno(errno_name) : EPERM;
    if (rule->errnum == 0)
        return hf_throw(error, HF_ERROR_PROTOCOL, "%serrno: no error is named '%s'", where,
                        errno_name);
    return TRUE;
}

static gboolean
read_limit(Limit *limit, JsonObject *object, const char *where, GError **error)
{
    guint32 per_minute = 0;

    if (!hf_json_member_read_uint32(object, where, "perMinute", &per_minute, error))
        return FALSE;
    if (per_minute == 0 && json_object_has_member(object, "perMinute"))
        return hf_throw(error, HF_ERROR_PROTOCOL, "%sperMinute: 1 or more is expected", where);
    limit->per_minute = per_minute;
    return TRUE;
}

static gboolean
read_rule(HfSeccompPolicy *self, JsonObject *object, guint number, GError **error)
{
    static const char *const known[] = {"syscalls", "action", "errno", "perMinute", NULL};
    g_autofree char *where = g_strdup_printf("rules[%u].", number);
    g_autoptr(Rule) rule = g_new0(Rule, 1);

    rule->syscalls = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    if (!check_members(object, where, known, error) || !read_syscalls(rule, object, where, error) ||
        !read_action(rule, object, where, error) || !read_limit(&rule->limit, object, where, error))
        return FALSE;
    g_ptr_array_add(self->rules, g_steal_pointer(&rule));
    return TRUE;
}

static gboolean
read_policy(HfSeccompPolicy *self, JsonObject *object, GError **error)
{
    static const char *const known[] = {"rules", "perMinute", NULL};
    JsonArray *rules = NULL;

    if (!check_members(object, "", known, error) ||
        !hf_json_member_read_objects(object, "", "rules", &rules, error) ||
        !read_limit(&self->limit, object, "", error))
        return FALSE;
    if (rules == NULL)
        return hf_throw(error, HF_ERROR_PROTOCOL, "rules: is missing");
    if (json_array_get_length(rules) > RULES_MAX)
        return hf_throw(error, HF_ERROR_LIMIT, "rules: more than %d", RULES_MAX);
    for (guint i = 0; i < json_array_get_length(rules); i++) {
        if (!read_rule(self, json_array_get_object_element(rules, i), i, error))
            return FALSE;
    }
    return TRUE;
}

HfSeccompPolicy *
hf_seccomp_policy_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(HfSeccompPolicy) self = hf_seccomp_policy_new();
    g_autoptr(JsonObject) object = hf_json_text_parse(text, length, error);

    if (object == NULL || !read_policy(self, object, error))
        return NULL;
    return g_steal_pointer(&self);
}

/* Whether one more is within the limit; it is counted anyway. */
static bool
take_one(Limit *limit, gint64 now_us)
{
    if (limit->per_minute == 0)
        return true;
    if (limit->minute_start_us == 0 || now_us - limit->minute_start_us >= MINUTE_US) {
        limit->minute_start_us = now_us;
        limit->used = 0;
    }
    if (limit->used <= limit->per_minute)
        limit->used++;
    return limit->used <= limit->per_minute;
}

static Rule *
find_rule(HfSeccompPolicy *self, const char *syscall)
{
    for (guint i = 0; i < self->rules->len; i++) {
        Rule *rule = g_ptr_array_index(self->rules, i);

        if (rule->is_for_all || g_hash_table_contains(rule->syscalls, syscall))
            return rule;
    }
    return NULL;
}

/* The first above @limit in its minute is the only one for which @limit says so. */
static HfSeccompVerdict
refuse(const HfSeccompVerdict *verdict, bool is_first)
{
    HfSeccompVerdict refused = {HF_SECCOMP_LIMITED, EAGAIN, is_first};

    return verdict->action == HF_SECCOMP_KILL ? *verdict : refused;
}

HfSeccompVerdict
hf_seccomp_policy_decide(HfSeccompPolicy *self, const char *syscall, gint64 now_us)
{
    Rule *rule = find_rule(self, syscall);
    HfSeccompVerdict verdict = {HF_SECCOMP_ERRNO, ENOSYS, true};
    Limit *limits[] = {rule != NULL ? &rule->limit : NULL, &self->limit};

    if (rule != NULL) {
        verdict.action = rule->action;
        verdict.errnum = rule->errnum;
        verdict.is_recorded = rule->action != HF_SECCOMP_CONTINUE;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
        bool was_full = limits[i] != NULL && limits[i]->used > limits[i]->per_minute;

        if (limits[i] != NULL && !take_one(limits[i], now_us))
            return refuse(&verdict, !was_full);
    }
    return verdict;
}
