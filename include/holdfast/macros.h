/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* Holdfast's public headers are read through <holdfast/holdfast.h>. */

#pragma once

/**
 * HF_PUBLIC: (skip)
 *
 * Marks what the shared library exports; everything else is hidden.
 */
#define HF_PUBLIC __attribute__((visibility("default")))
