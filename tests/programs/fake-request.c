/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake-runtime.h"

/* The first of these words is the action: what comes before it are global arguments. */
static const char *const known_actions[] = {
    "create", "restore", "exec",   "start",      "state",    "kill", "delete", "pause",
    "resume", "ps",      "events", "checkpoint", "features", "list", "update", NULL,
};

/* Options whose value may be the next word. */
static const char *const options_with_value[] = {
    "--root",
    "--log",
    "--log-format",
    "--cgroup-manager",
    "--bundle",
    "-b",
    "--pid-file",
    "--process",
    "-p",
    "--console-socket",
    "--image-path",
    "--work-path",
    "--preserve-fds",
    "--lsm-mount-context",
    "--lsm-profile",
    "--format",
    "--resources",
    "-r",
    "--parent-path",
    "--signal",
    NULL,
};

static void
set_option(FakeRequest *out, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **field;
    } fields[] = {
        {"--root", &out->root},         {"--log", &out->log},
        {"--bundle", &out->bundle},     {"-b", &out->bundle},
        {"--pid-file", &out->pid_file}, {"--process", &out->process_spec},
        {"-p", &out->process_spec},     {"--console-socket", &out->console_socket},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (strcmp(fields[i].name, name) == 0)
            *fields[i].field = value;
    }
    if (strcmp(name, "--preserve-fds") == 0)
        out->preserve_fds = atoi(value);
}

static void
set_positional(FakeRequest *out, const char *word)
{
    if (out->container_id == NULL)
        out->container_id = word;
    else if (out->signal_name == NULL)
        out->signal_name = word;
}

/* Returns the last word it used. */
static char **
parse_option(FakeRequest *out, char **word)
{
    const char *equals = strchr(*word, '=');

    if (strcmp(*word, "--force") == 0 || strcmp(*word, "-f") == 0)
        out->is_forced = true;
    if (equals != NULL) {
        g_autofree char *name = g_strndup(*word, (gsize)(equals - *word));

        set_option(out, name, equals + 1);
        return word;
    }
    if (!g_strv_contains(options_with_value, *word) || word[1] == NULL)
        return word;
    set_option(out, word[0], word[1]);
    return word + 1;
}

void
fake_request_parse(FakeRequest *out, char **argv)
{
    for (char **word = argv + 1; *word != NULL; word++) {
        if (strcmp(*word, "--version") == 0) {
            (void)puts("runc version 1.1.0+fake\nspec: 1.0.2");
            exit(0);
        }
        if (out->action == NULL && g_strv_contains(known_actions, *word))
            out->action = *word;
        else if ((*word)[0] == '-')
            word = parse_option(out, word);
        else if (out->action != NULL)
            set_positional(out, *word);
    }
    if (out->action == NULL)
        fake_die("fake-runtime: no known command");
}
