/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "base/io.h"
#include "monitor/oom-score.h"

#define SCORE_PATH "/proc/self/oom_score_adj"

char *
hf_oom_score_lower(void)
{
    g_autofree char *old = hf_io_read_file_at(AT_FDCWD, SCORE_PATH, 32, NULL, NULL);
    hf_autofd fd = open(SCORE_PATH, O_WRONLY | O_CLOEXEC);
    static const char lowest[] = "-1000";

    if (fd >= 0)
        (void)!write(fd, lowest, strlen(lowest));
    return old != NULL ? g_strdup(g_strstrip(old)) : NULL;
}
