/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <glib.h>

/* The exit status of a run or exec that failed, as Podman has them: 127 if the container has no
 * such command, 126 if it cannot be executed, else 125. OCI runtimes tell the first two by their
 * message only. */
int hf_failure_to_status(const GError *error);
