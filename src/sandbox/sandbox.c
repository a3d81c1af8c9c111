/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 * Two depths. Always: no core dumps, not dumpable, few capabilities. With a filter, where nothing
 * of somebody else's is executed any more, the rest, in this order:
 *
 *      no_new_privs, bounding set   needed for the next two; needs CAP_SETPCAP itself
 *      capabilities
 *      Landlock                     makes system calls that the filter denies
 *      filter
 *
 * A step that fails is told, and the next ones follow: each is worth something by itself. Only
 * without a filter the descriptor for programs and the pipe of denials have no use.
 *
 * The number of the program's descriptor is part of the filter, so it is kept by one that nobody
 * else can get: this program's own file, opened by its path only.
 *
 * After an upgrade the kernel has kept everything but the handler for denied calls and the
 * dumpable flag; the rest is not done a second time. */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "sandbox/filter.h"
#include "sandbox/privileges.h"
#include "sandbox/probe.h"
#include "sandbox/sandbox.h"

/* Above what others keep, below the lowest limit that is in use. */
#define PROGRAM_FD_MIN 100

typedef struct {
    HfPlaceKind kind;
    char *path;
} Place;

struct HfSandbox {
    GMainContext *context; /* borrowed */
    HfDenialFunc on_denial;
    gpointer user_data;
    GArray *places; /* of Place; NULL once confined */
    HfDenials *denials;
    int report_fd; /* of tests; -1 in what is installed */
    int program_fd;
    bool is_filtered;
    bool has_core_limit;
    rlim_t core_limit;
};

/* Where problems go while it confines itself. */
typedef struct {
    void (*on_problem)(const GError *error, gpointer user_data);
    gpointer user_data;
} Teller;

bool
hf_sandbox_mode_parse(const char *text, HfSandboxMode *out_mode)
{
    static const char *const words[] = {
        [HF_SANDBOX_AUTO] = "auto",
        [HF_SANDBOX_STRICT] = "strict",
        [HF_SANDBOX_OFF] = "off",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *out_mode = (HfSandboxMode)i;
            return true;
        }
    }
    return false;
}

gboolean
hf_sandbox_check_strict(GError **error)
{
    return hf_filter_check(error);
}

static void
clear_place(gpointer data)
{
    Place *place = data;

    g_free(place->path);
}

HfSandbox *
hf_sandbox_new(GMainContext *context, HfDenialFunc on_denial, gpointer user_data)
{
    HfSandbox *self = g_new0(HfSandbox, 1);

    self->context = context;
    self->on_denial = on_denial;
    self->user_data = user_data;
    self->places = g_array_new(FALSE, FALSE, sizeof(Place));
    g_array_set_clear_func(self->places, clear_place);
    self->program_fd = -1;
    self->report_fd = -1;
    return self;
}

void
hf_sandbox_free(HfSandbox *self)
{
    if (self == NULL)
        return;
    hf_denials_free(self->denials);
    hf_close_fd(&self->program_fd);
    hf_close_fd(&self->report_fd);
    g_clear_pointer(&self->places, g_array_unref);
    g_free(self);
}

void
hf_sandbox_add_place(HfSandbox *self, HfPlaceKind kind, const char *path)
{
    Place place = {.kind = kind, .path = g_strdup(path)};

    if (self->places != NULL && path != NULL)
        g_array_append_val(self->places, place);
    else
        g_free(place.path);
}

static void
tell(const Teller *teller, GError **error)
{
    if (*error != NULL)
        teller->on_problem(*error, teller->user_data);
    g_clear_error(error);
}

static void
cut_privileges(const HfSandbox *self, const HfSandboxNeeds *needs, const Teller *teller)
{
    g_autofree const char **paths = g_new0(const char *, self->places->len + 1);
    const HfPrivileges privileges = {
        .written = paths,
        .executes = needs->executes,
        .keeps_trace = needs->keeps_trace,
    };
    GError *error = NULL;
    guint count = 0;

    for (guint i = 0; i < self->places->len; i++) {
        const Place *place = &g_array_index(self->places, Place, i);

        if (place->kind != HF_PLACE_READING && place->kind != HF_PLACE_PROGRAM &&
            place->kind != HF_PLACE_LATER)
            paths[count++] = place->path;
    }
    (void)!hf_privileges_cut(&privileges, &error);
    tell(teller, &error);
}

static void
restrict_places(HfSandbox *self, const HfSandboxNeeds *needs, const Teller *teller)
{
    GError *error = NULL;
    g_autoptr(HfLandlock) landlock = hf_landlock_new(needs->keeps_abstract_sockets, &error);

    for (guint i = 0; landlock != NULL && i < self->places->len; i++) {
        const Place *place = &g_array_index(self->places, Place, i);

        hf_landlock_allow(landlock, place->kind, place->path);
    }
    if (landlock != NULL)
        (void)!hf_landlock_enforce(landlock, &error);
    tell(teller, &error);
}

/* Keeps the number that the filter is to know. */
static gboolean
reserve_program_fd(HfSandbox *self, GError **error)
{
    hf_autofd fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

    if (fd >= 0)
        self->program_fd = fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD_MIN);
    if (self->program_fd < 0)
        return hf_throw_errno(error, "keep a descriptor for an upgrade");
    return TRUE;
}

static void
on_denial(const char *name, gpointer user_data)
{
    HfSandbox *self = user_data;

    hf_probe_report_denial(self->report_fd, name);
    self->on_denial(name, self->user_data);
}

static gboolean
prepare_filter(HfSandbox *self, const HfSandboxNeeds *needs, GError **error)
{
    bool is_upgradable =
        needs->is_upgradable && (!needs->loads_libraries || hf_landlock_is_supported());

    if (!hf_filter_check(error) || (is_upgradable && !reserve_program_fd(self, error)))
        return FALSE;
    self->denials = hf_denials_new(self->context, on_denial, self, error);
    return self->denials != NULL && hf_privileges_freeze(error);
}

static gboolean
install_filter(HfSandbox *self, const HfSandboxNeeds *needs, GError **error)
{
    bool loads_libraries = self->program_fd >= 0 && needs->loads_libraries;
    const HfFilterOptions options = {
        .denial = hf_denials_get_action(self->denials),
        .program_fd = self->program_fd,
        .can_fork = needs->can_fork,
        .can_read = needs->reads_files || loads_libraries ||
                    (needs->reads_guarded && hf_landlock_is_supported()),
        .can_map_code = loads_libraries,
        .has_unix_sockets = needs->has_unix_sockets,
        .has_inet_sockets = needs->has_inet_sockets,
        .groups = {needs->groups[0], needs->groups[1]},
    };

    self->is_filtered = hf_filter_install(&options, error);
    return self->is_filtered;
}

static void
drop_filter(HfSandbox *self)
{
    g_clear_pointer(&self->denials, hf_denials_free);
    hf_close_fd(&self->program_fd);
}

static void
confine_anew(HfSandbox *self, const HfSandboxNeeds *needs, const Teller *teller)
{
    GError *error = NULL;
    bool is_prepared = needs->is_filtered && prepare_filter(self, needs, &error);

    tell(teller, &error);
    cut_privileges(self, needs, teller);
    if (is_prepared)
        restrict_places(self, needs, teller);
    if (!is_prepared || !install_filter(self, needs, &error))
        drop_filter(self);
    tell(teller, &error);
}

void
hf_sandbox_confine(HfSandbox *self, const HfSandboxNeeds *needs,
                   void (*on_problem)(const GError *error, gpointer user_data), gpointer user_data)
{
    const Teller teller = {on_problem, user_data};
    GError *error = NULL;

    if (self->places == NULL)
        return;
    if (self->report_fd < 0)
        self->report_fd = hf_probe_open();
    if (!self->has_core_limit) {
        self->has_core_limit = hf_privileges_stop_cores(&self->core_limit, &error);
        tell(&teller, &error);
    }
    if (!needs->stays_dumpable) {
        (void)!hf_privileges_hide(&error);
        tell(&teller, &error);
    }
    if (!self->is_filtered)
        confine_anew(self, needs, &teller);
    g_clear_pointer(&self->places, g_array_unref);
}

void
hf_sandbox_probe(const HfSandbox *self)
{
    int fd = self != NULL ? self->report_fd : hf_probe_open();

    hf_probe_run(fd);
    if (self == NULL)
        hf_close_fd(&fd);
}

bool
hf_sandbox_is_filtered(const HfSandbox *self)
{
    return self->is_filtered;
}

int
hf_sandbox_get_program_fd(const HfSandbox *self)
{
    return self->program_fd;
}

const rlim_t *
hf_sandbox_get_core_limit(const HfSandbox *self)
{
    return self->has_core_limit ? &self->core_limit : NULL;
}

void
hf_sandbox_save(const HfSandbox *self, HfStateWriter *writer)
{
    if (self->has_core_limit)
        hf_state_put_number(writer, "core-limit", (gint64)self->core_limit);
    hf_state_put_bool(writer, "has-core-limit", self->has_core_limit);
    hf_state_put_bool(writer, "is-filtered", self->is_filtered);
    hf_state_put_fd(writer, "program", self->program_fd);
    hf_state_put_fd(writer, "report", self->report_fd);
    if (self->denials != NULL)
        hf_denials_save(self->denials, writer);
}

void
hf_sandbox_restore(HfSandbox *self, HfStateReader *reader)
{
    self->has_core_limit = hf_state_get_bool(reader, "has-core-limit");
    self->core_limit = (rlim_t)hf_state_get_number(reader, "core-limit", G_MININT64, G_MAXINT64, 0);
    self->is_filtered = hf_state_get_bool(reader, "is-filtered");
    self->program_fd = hf_state_take_fd(reader, "program");
    self->report_fd = hf_state_take_fd(reader, "report");
    if (self->is_filtered)
        self->denials = hf_denials_new_saved(self->context, reader, on_denial, self);
}

int
hf_sandbox_find_program_fd(HfStateReader *sandbox)
{
    return sandbox != NULL ? hf_state_take_fd(sandbox, "program") : -1;
}
