/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#pragma once

#include <holdfast/types.h>

G_BEGIN_DECLS

#define HF_TYPE_RESOURCES (hf_resources_get_type())
HF_PUBLIC
G_DECLARE_FINAL_TYPE(HfResources, hf_resources, HF, RESOURCES, GObject)

/**
 * HfResources:
 *
 * New limits for a container. A number that is 0 and a string that is %NULL are not set.
 */

/**
 * HfResources:blkio-weight:
 *
 * 10 to 1000.
 */

/**
 * HfResources:cpu-shares:
 *
 * Relative weight.
 */

/**
 * HfResources:cpu-period:
 *
 * Microseconds.
 */

/**
 * HfResources:cpu-quota:
 *
 * Microseconds in each period; -1: no limit.
 */

/**
 * HfResources:cpuset-cpus:
 *
 * "0-3,7"; may be %NULL.
 */

/**
 * HfResources:cpuset-mems:
 *
 * "0"; may be %NULL.
 */

/**
 * HfResources:memory-limit:
 *
 * Bytes; -1: no limit.
 */

/**
 * HfResources:memory-swap:
 *
 * Bytes of memory and swap together; -1: no limit.
 */

/**
 * HfResources:memory-reservation:
 *
 * Bytes.
 */

/**
 * HfResources:kernel-memory:
 *
 * Bytes.
 */

/**
 * HfResources:kernel-tcp-memory:
 *
 * Bytes.
 */

/**
 * HfResources:pids-limit:
 *
 * Number; -1: no limit.
 */

/**
 * hf_resources_new:
 *
 * Returns: (transfer full): that changes nothing
 */
HF_PUBLIC
HfResources *hf_resources_new(void);

/**
 * hf_resources_to_json:
 *
 * Returns: (transfer full): the OCI "linux.resources" object, as "runc update --resources" reads it
 */
HF_PUBLIC
char *hf_resources_to_json(HfResources *self);

G_END_DECLS
