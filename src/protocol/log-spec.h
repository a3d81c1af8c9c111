/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* A value of --log-path: DRIVER, DRIVER:PATH, :PATH or PATH. */

#pragma once

#include <stdbool.h>

#include <glib.h>

typedef enum {
    HF_LOG_DRIVER_NONE,
    HF_LOG_DRIVER_K8S_FILE,
    HF_LOG_DRIVER_JSON_FILE,
    HF_LOG_DRIVER_RAW,
    HF_LOG_DRIVER_FIFO,
    HF_LOG_DRIVER_JOURNALD,
    HF_LOG_DRIVER_SYSLOG,
    HF_LOG_DRIVER_PASSTHROUGH,
} HfLogDriver;

typedef struct {
    HfLogDriver driver;
    char *path; /* of a file or FIFO; SYSLOG: the address, "" for the local one */
} HfLogSpec;

/* By its name, without a path. */
bool hf_log_driver_from_string(const char *name, HfLogDriver *out_driver);

/* The first ':' ends the driver's name, so a path may contain more of them. "off", "null" and
 * "none", "journald", "syslog" and "passthrough" are drivers with and without a path; a word
 * without ':' that is no driver is the path of a k8s-file. Fills *@out_spec, whose path the caller
 * frees with hf_log_spec_clear(). HF_ERROR_INVALID_ARGUMENT says what is wrong in conmon's words.
 */
gboolean hf_log_spec_parse(const char *text, HfLogSpec *out_spec,
                           GError **error) G_GNUC_WARN_UNUSED_RESULT;
void hf_log_spec_clear(HfLogSpec *spec);

const char *hf_log_driver_to_string(HfLogDriver driver);
