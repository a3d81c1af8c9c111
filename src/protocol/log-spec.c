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
    if (driver == HF_LOG_DRIVER_K8S_FILE && path[0] == '\0')
        return hf_throw(error, HF_ERROR_INVALID_ARGUMENT, "k8s-file requires a filename");
    *out_spec = (HfLogSpec){
        .driver = driver,
        .path = driver == HF_LOG_DRIVER_K8S_FILE ? g_strdup(path) : NULL,
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
    case HF_LOG_DRIVER_JOURNALD:
        return "journald";
    case HF_LOG_DRIVER_PASSTHROUGH:
        return "passthrough";
    }
    g_assert_not_reached();
}
