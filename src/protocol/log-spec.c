/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "protocol/log-spec.h"

static const struct {
    char name[16];
    HfLogDriver driver;
} drivers[] = {
    {"k8s-file", HF_LOG_DRIVER_K8S_FILE},
    {"json-file", HF_LOG_DRIVER_JSON_FILE},
    {"raw", HF_LOG_DRIVER_RAW},
    {"fifo", HF_LOG_DRIVER_FIFO},
    {"syslog", HF_LOG_DRIVER_SYSLOG},
    {"journald", HF_LOG_DRIVER_JOURNALD},
    {"passthrough", HF_LOG_DRIVER_PASSTHROUGH},
    {"none", HF_LOG_DRIVER_NONE},
    {"off", HF_LOG_DRIVER_NONE},
    {"null", HF_LOG_DRIVER_NONE},
};

static bool
find_driver(const char *name, size_t length, HfLogDriver *out_driver)
{
    for (size_t i = 0; i < G_N_ELEMENTS(drivers); i++) {
        if (strlen(drivers[i].name) == length && memcmp(drivers[i].name, name, length) == 0) {
            *out_driver = drivers[i].driver;
            return true;
        }
    }
    return false;
}

bool
hf_log_driver_from_string(const char *name, HfLogDriver *out_driver)
{
    return find_driver(name, strlen(name), out_driver);
}

static bool
is_file(HfLogDriver driver)
{
    return driver == HF_LOG_DRIVER_K8S_FILE || driver == HF_LOG_DRIVER_JSON_FILE ||
           driver == HF_LOG_DRIVER_RAW || driver == HF_LOG_DRIVER_FIFO;
}

gboolean
hf_log_spec_parse(const char *text, HfLogSpec *out_spec, GError **error)
{
    const char *colon = strchr(text, ':');
    size_t name_length = colon != NULL ? (size_t)(colon - text) : strlen(text);
    const char *path = colon != NULL ? colon + 1 : "";
    HfLogDriver driver = HF_LOG_DRIVER_K8S_FILE;

    if (name_length == 0 && path[0] == '\0')
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "log-path must not be empty");
    if (name_length > 0 && !find_driver(text, name_length, &driver)) {
        if (colon != NULL)
            return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "No such log driver %.*s",
                            (int)name_length, text);
        path = text;
    }
    if (is_file(driver) && path[0] == '\0')
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "%s requires a filename",
                        hf_log_driver_to_string(driver));
    *out_spec = (HfLogSpec){
        .driver = driver,
        .path = is_file(driver) || driver == HF_LOG_DRIVER_SYSLOG ? g_strdup(path) : NULL,
    };
    return TRUE;
}

void
hf_log_spec_clear(HfLogSpec *spec)
{
    g_clear_pointer(&spec->path, g_free);
}

const char *
hf_log_driver_to_string(HfLogDriver driver)
{
    switch (driver) {
    case HF_LOG_DRIVER_NONE:
        return "none";
    case HF_LOG_DRIVER_K8S_FILE:
        return "k8s-file";
    case HF_LOG_DRIVER_JSON_FILE:
        return "json-file";
    case HF_LOG_DRIVER_RAW:
        return "raw";
    case HF_LOG_DRIVER_FIFO:
        return "fifo";
    case HF_LOG_DRIVER_SYSLOG:
        return "syslog";
    case HF_LOG_DRIVER_JOURNALD:
        return "journald";
    case HF_LOG_DRIVER_PASSTHROUGH:
        return "passthrough";
    }
    g_assert_not_reached();
}
