/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <holdfast/version.h>

const char *
hf_get_version(void)
{
    return HF_VERSION;
}
