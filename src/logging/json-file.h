/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: a file in the format of Docker's json-file driver. Time stamps are in UTC. */

#pragma once

#include "logging/file-sink.h"

/* @tag (nullable) and @labels (NAME=VALUE, NULL-terminated, nullable) become the "attrs" of each
 * record; of labels of one name the last counts. */
HfLogSink *hf_json_file_new(const HfFileSinkOptions *options, const char *tag,
                            const char *const *labels, GError **error) G_GNUC_WARN_UNUSED_RESULT;
