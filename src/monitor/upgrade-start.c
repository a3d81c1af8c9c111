/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works.
 *
 *   PROGRAM --check-state=0 ARGS                         as a child, with the state as its stdin
 *   PROGRAM --resume-fd=N --fallback-fd=M ARGS           as this process
 *   (M)     --resume-fd=N --upgrade-error=REASON ARGS    the way back
 *
 * These stand first and are no options like others: they are taken away before the command line is
 * parsed, so that it is the same before and after, and they do not pile up. A program that does not
 * know them refuses the first form and is never executed in the second.
 *
 * Whoever cannot go on, and has changed nothing yet, executes the program that the state is from,
 * with the arguments that the state has: those it was itself given may be the reason. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fd.h"
#include "monitor/upgrade-start.h"
#include "sandbox/sandbox.h"

static bool
take_fd(const char *argument, const char *name, int *out_fd)
{
    guint64 fd = 0;

    if (!g_str_has_prefix(argument, name))
        return false;
    if (g_ascii_string_to_unsigned(argument + strlen(name), 10, 0, G_MAXINT, &fd, NULL))
        *out_fd = (int)fd;
    return true;
}

static bool
take_argument(HfUpgradeStart *self, const char *argument)
{
    if (g_str_has_prefix(argument, HF_UPGRADE_ERROR)) {
        self->error = argument + strlen(HF_UPGRADE_ERROR);
        return true;
    }
    return take_fd(argument, HF_UPGRADE_CHECK, &self->check_fd) ||
           take_fd(argument, HF_UPGRADE_RESUME, &self->resume_fd) ||
           take_fd(argument, HF_UPGRADE_FALLBACK, &self->fallback_fd);
}

void
hf_upgrade_start_take(HfUpgradeStart *self, int *argc, char **argv)
{
    int taken = 0;

    *self = (HfUpgradeStart){.check_fd = -1, .resume_fd = -1, .fallback_fd = -1};
    while (taken + 1 < *argc && take_argument(self, argv[taken + 1]))
        taken++;
    for (int i = 1; taken > 0 && i + taken <= *argc; i++)
        argv[i] = argv[i + taken];
    *argc -= taken;
}

char **
hf_upgrade_start_make_argv(const char *first, const char *second, char *const *rest)
{
    GPtrArray *argv = g_ptr_array_new();

    g_ptr_array_add(argv, rest[0]);
    g_ptr_array_add(argv, (char *)first);
    if (second != NULL)
        g_ptr_array_add(argv, (char *)second);
    for (char *const *argument = rest + 1; rest[0] != NULL && *argument != NULL; argument++)
        g_ptr_array_add(argv, *argument);
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_free(argv, FALSE);
}

gboolean
hf_upgrade_start_check(int fd, guint sinks, GError **error)
{
    g_autoptr(HfStateReader) reader = hf_state_reader_new_from_fd(fd, error);

    if (reader == NULL)
        return FALSE;
    HfStateReader *session = hf_state_open_needed(reader, "session");
    HfStateReader *log = hf_state_open_needed(session, "log");

    (void)hf_state_open_needed(reader, "parent");
    (void)hf_state_open_needed(session, "process");
    (void)hf_state_open_needed(session, "terminal");
    (void)hf_state_open_needed(session, "adoption");
    if (hf_state_get_number(log, "sinks", 0, G_MAXUINT32, 0) != sinks)
        hf_state_reader_fail(log, "sinks", "are not those of the command line");
    return hf_state_reader_check(reader, error);
}

/* Where a sandbox lets one descriptor be executed, that program is put there, and stays: the state
 * has it. */
static int
place_program(const HfUpgradeStart *self, HfStateReader *reader)
{
    HfStateReader *session = reader != NULL ? hf_state_open(reader, "session") : NULL;
    HfStateReader *sandbox = session != NULL ? hf_state_open(session, "sandbox") : NULL;
    int place = sandbox != NULL ? hf_sandbox_find_program_fd(sandbox) : -1;

    return place >= 0 && dup3(self->fallback_fd, place, 0) >= 0 ? place : self->fallback_fd;
}

/* What the state has of the arguments, or @argv. (transfer full) */
static char **
get_argv(HfStateReader *reader, char *const *argv)
{
    size_t length = 0;
    const char *text = reader != NULL ? hf_state_get_bytes(reader, "argv", &length) : NULL;
    GPtrArray *copy;

    if (length == 0 || text[length - 1] != '\0')
        return g_strdupv((char **)argv);
    copy = g_ptr_array_new();
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        g_ptr_array_add(copy, g_strdup(text + at));
    g_ptr_array_add(copy, NULL);
    return (char **)g_ptr_array_free(copy, FALSE);
}

void
hf_upgrade_start_fall_back(const HfUpgradeStart *self, char *const *argv, const char *reason)
{
    g_autofree char *resume = g_strdup_printf(HF_UPGRADE_RESUME "%d", self->resume_fd);
    g_autofree char *text = g_strconcat(HF_UPGRADE_ERROR, reason, NULL);
    g_autoptr(HfStateReader) reader = hf_state_reader_new_from_fd(self->resume_fd, NULL);
    g_auto(GStrv) old_argv = NULL;
    g_autofree char **new_argv = NULL;

    if (self->fallback_fd < 0)
        return;
    old_argv = get_argv(reader, argv);
    new_argv = hf_upgrade_start_make_argv(resume, text, old_argv);
    (void)execveat(place_program(self, reader), "", new_argv, environ, AT_EMPTY_PATH);
}

gboolean
hf_upgrade_start_keep(const GArray *fds, bool is_kept, GError **error)
{
    for (guint i = 0; i < fds->len; i++) {
        if (!hf_fd_set_cloexec(g_array_index(fds, int, i), !is_kept, error))
            return FALSE;
    }
    return TRUE;
}
