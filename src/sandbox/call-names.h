/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What system calls are called, for messages. */

#pragma once

#include <stddef.h>

/* The name of call @number of this processor; "number N" in @buffer for one that is not among those
 * an intruder would want. */
const char *hf_call_name(int number, char *buffer, size_t size);
