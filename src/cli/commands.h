/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The commands, each in cmd-NAME.c. */

#pragma once

#include "cli/cli.h"

int hf_cmd_run(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_create(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_start(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_exec(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_attach(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_logs(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_list(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_inspect(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_top(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_pause(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_resume(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_kill(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_adopt(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_upgrade(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_wait(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_resize(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_reopen_logs(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_delete(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_version(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_stats(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_events(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_update(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_checkpoint(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_checkpoints(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_restore(HfCli *cli, int argc, char **argv, GError **error);
int hf_cmd_delete_checkpoint(HfCli *cli, int argc, char **argv, GError **error);
