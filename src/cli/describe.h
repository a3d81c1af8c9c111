/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Containers and processes as members of JSON objects, for list and inspect. */

#pragma once

#include "cli/json.h"

/* The members that both show. */
void hf_describe_container(JsonBuilder *builder, HfContainer *container, HfProcess *init);

/* Exit status of an ended process, or -1. */
int hf_describe_exit_status(HfProcess *process);

/* The first process; NULL if it was never started. (transfer full) */
HfProcess *hf_describe_get_init(HfContainer *container);
