/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* For tests of the sandbox, and empty unless the build option sandbox_probe is on: a report of what
 * was denied, and an intruder who tries what he could want. */

#pragma once

#include <stdbool.h>

/* The file that $HOLDFAST_SANDBOX_REPORT names, for appending; -1: none. */
int hf_probe_open(void);

void hf_probe_report_denial(int report_fd, const char *name);

/* Whether a program that goes on after an upgrade is to find that it cannot:
 * $HOLDFAST_SANDBOX_REPORT with ".fail" behind it is there. */
bool hf_probe_wants_failure(void);

/* The signal on which the intruder comes; 0: none. */
int hf_probe_get_signal(void);

/* Tries each thing and writes a line of the report: "try NAME RESULT", where the result is "ok" or
 * an error's name. $HOLDFAST_SANDBOX_VICTIM is the process that it tries to reach. */
void hf_probe_run(int report_fd);
