/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"

/* An id is that of a container below the root, or of a session of an engine; of a container first.
 */

static gboolean
adopt_one(const HfCli *cli, const char *id, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(HfContainer) container = hf_cli_load(cli, id, &local);

    if (container != NULL)
        return hf_container_adopt(container, NULL, NULL, error);
    if (g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND) &&
        hf_adoption_run(cli->root, id, NULL, error))
        return TRUE;
    if (!g_error_matches(local, HF_ERROR, HF_ERROR_NOT_FOUND) ||
        (error != NULL && g_error_matches(*error, HF_ERROR, HF_ERROR_NOT_FOUND))) {
        g_clear_error(error);
        g_propagate_error(error, g_steal_pointer(&local));
    }
    return FALSE;
}

static int
fail(GError *error)
{
    hf_cli_warn(error->message);
    return HF_CLI_FAILED;
}

static int
adopt_containers(const HfCli *cli)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) containers = hf_container_load_all(cli->root, NULL, &error);
    int status = 0;

    if (containers == NULL)
        return fail(error);
    for (guint i = 0; i < containers->len; i++) {
        HfContainer *container = g_ptr_array_index(containers, i);
        g_autoptr(GError) local = NULL;
        guint count = 0;

        if (!hf_container_adopt(container, &count, NULL, &local))
            status = fail(local);
        else if (count > 0)
            g_print("%s\n", hf_container_get_id(container));
    }
    return status;
}

static int
adopt_sessions(const HfCli *cli)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) ids = hf_adoption_list(cli->root, &error);
    int status = 0;

    if (ids == NULL)
        return fail(error);
    for (char **id = ids; *id != NULL; id++) {
        g_autoptr(GError) local = NULL;

        if (!hf_adoption_run(cli->root, *id, NULL, &local))
            status = fail(local);
        else
            g_print("%s\n", *id);
    }
    return status;
}

int
hf_cmd_adopt(HfCli *cli, int argc, char **argv, GError **error)
{
    gboolean takes_all = FALSE;
    int status = 0;
    const GOptionEntry entries[] = {
        {"all", 'a', 0, G_OPTION_ARG_NONE, &takes_all,
         "All containers, and the sessions of engines", NULL},
        {0},
    };

    if (!hf_cli_parse_operands(cli, entries, "[ID...]", 0, -1, &argc, &argv, error))
        return -1;
    if (takes_all != (argc == 1)) {
        g_set_error(error, HF_ERROR, HF_ERROR_INVALID_ARGUMENT, "either --all or ids are needed");
        return -1;
    }
    if (takes_all) {
        status = adopt_containers(cli);
        return MAX(status, adopt_sessions(cli));
    }
    for (int i = 1; i < argc; i++) {
        g_autoptr(GError) local = NULL;

        if (adopt_one(cli, argv[i], &local))
            g_print("%s\n", argv[i]);
        else
            status = fail(local);
    }
    return status;
}
