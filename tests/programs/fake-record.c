/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "fake-runtime.h"

static void
write_file(const char *dir, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(dir, name, NULL);

    if (!g_file_set_contents(path, text, -1, NULL))
        fake_die("fake-runtime: record %s: %m", path);
}

static void
write_lines(const char *dir, const char *name, char **lines)
{
    g_autofree char *joined = g_strjoinv("\n", lines);
    g_autofree char *text = g_strconcat(joined, "\n", NULL);

    write_file(dir, name, text);
}

static void
copy_file(const char *from, const char *dir, const char *name)
{
    g_autofree char *text = NULL;

    if (g_file_get_contents(from, &text, NULL, NULL))
        write_file(dir, name, text);
}

static int
compare_names(const struct dirent **a, const struct dirent **b)
{
    return atoi((*a)->d_name) - atoi((*b)->d_name);
}

static int
is_number(const struct dirent *entry)
{
    return g_ascii_isdigit(entry->d_name[0]);
}

static void
record_fds(const char *dir)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct dirent **entries = NULL;
    int count = scandir("/proc/self/fd", &entries, is_number, compare_names);

    for (int i = 0; i < count; i++) {
        g_autofree char *path = g_strconcat("/proc/self/fd/", entries[i]->d_name, NULL);
        char target[4096];
        /* The descriptor of the scan itself is closed by now. */
        ssize_t length = readlink(path, target, sizeof target - 1);

        if (length >= 0)
            g_string_append_printf(text, "%s %.*s\n", entries[i]->d_name, (int)length, target);
        free(entries[i]);
    }
    free(entries);
    write_file(dir, "fds", text->str);
}

void
fake_record(const char *path, char **argv)
{
    g_auto(GStrv) env = g_get_environ();
    g_autofree char *cwd = g_get_current_dir();
    g_autofree char *ids = g_strdup_printf("%d %d %d %d\n", (int)getpid(), (int)getppid(),
                                           (int)getpgrp(), (int)getsid(0));
    int death_signal = 0;

    (void)prctl(PR_GET_PDEATHSIG, &death_signal);
    g_autofree char *death_text = g_strdup_printf("%d\n", death_signal);

    (void)g_mkdir_with_parents(path, 0700);
    record_fds(path);
    write_lines(path, "argv", argv);
    write_lines(path, "env", env);
    write_file(path, "cwd", cwd);
    write_file(path, "ids", ids);
    write_file(path, "pdeathsig", death_text);
    copy_file("/proc/self/status", path, "status");
    copy_file("/proc/self/oom_score_adj", path, "oom_score_adj");
}
