/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "cli/commands.h"
#include "cli/json.h"

int
hf_cmd_version(HfCli *cli, int argc, char **argv, GError **error)
{
    if (!hf_cli_parse_operands(cli, NULL, "", 0, 0, &argc, &argv, error))
        return -1;
    if (cli->format == HF_CLI_JSON) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        hf_json_add_string(builder, "version", hf_get_version());
        json_builder_end_object(builder);
        hf_json_print(builder);
        return 0;
    }
    g_print("holdfast version %s\n", hf_get_version());
    return 0;
}
