/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What libFuzzer calls. One program holds all targets: --target=NAME, a kind of option that
 * libFuzzer leaves alone and hands on to the processes that it starts, says which. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
swallow(HfDiagLevel level, const char *text, gpointer user_data)
{
}

static const HfFuzzTarget *
remember_target(const HfFuzzTarget *target)
{
    static const HfFuzzTarget *chosen;

    if (target != NULL)
        chosen = target;
    return chosen;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    for (int i = 1; i < *argc; i++) {
        if (g_str_has_prefix((*argv)[i], "--target="))
            (void)remember_target(hf_fuzz_find_target(strchr((*argv)[i], '=') + 1));
    }
    if (remember_target(NULL) == NULL) {
        fprintf(stderr, "usage: holdfast-fuzz --target=NAME [libFuzzer's options] [CORPUS...]\n");
        exit(2);
    }
    hf_diag_set_sink(swallow, NULL);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    remember_target(NULL)->run((const char *)bytes, length);
    return 0;
}
