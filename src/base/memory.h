/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Keeping a long-lived, mostly idle process small. */

#pragma once

/* Gives what the heap and the stack do not use now back to the kernel. */
void hf_memory_trim(void);
