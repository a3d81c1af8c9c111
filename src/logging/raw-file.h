/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: the container's bytes as they are, both streams, in a file or a FIFO. Files are cut
 * behind a newline where there is one. What a loss cost is told in a line of its own. */

#pragma once

#include "logging/file-sink.h"

HfLogSink *hf_raw_file_new(const HfFileSinkOptions *options,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
