/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A log sink: CRI (k8s-file) records in a file. */

#pragma once

#include "logging/file-sink.h"

HfLogSink *hf_cri_file_new(const HfFileSinkOptions *options,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
