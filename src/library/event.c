/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include "library/event-private.h"

G_DEFINE_BOXED_TYPE(HfEvent, hf_event, hf_event_copy, hf_event_free)
/* clang-format off */
G_DEFINE_ENUM_TYPE(HfEventType, hf_event_type,
    G_DEFINE_ENUM_VALUE(HF_EVENT_CREATED, "created"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_STARTED, "started"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_EXITED, "exited"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_OOM, "oom"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_PAUSED, "paused"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_RESUMED, "resumed"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_CHECKPOINTED, "checkpointed"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_DELETED, "deleted"),
    G_DEFINE_ENUM_VALUE(HF_EVENT_SECCOMP, "seccomp"))
/* clang-format on */

const char *
hf_event_type_to_string(HfEventType type)
{
    static const char *const names[] = {
        [HF_EVENT_CREATED] = "created",
        [HF_EVENT_STARTED] = "started",
        [HF_EVENT_EXITED] = "exited",
        [HF_EVENT_OOM] = "oom",
        [HF_EVENT_PAUSED] = "paused",
        [HF_EVENT_RESUMED] = "resumed",
        [HF_EVENT_CHECKPOINTED] = "checkpointed",
        [HF_EVENT_DELETED] = "deleted",
        [HF_EVENT_SECCOMP] = "seccomp",
    };

    g_return_val_if_fail((gsize)type < G_N_ELEMENTS(names), NULL);

    return names[type];
}

HfEvent *
hf_event_new(HfEventType type, const char *container_id, const char *process_id, gint64 time_us,
             gint64 number)
{
    HfEvent *self = g_new0(HfEvent, 1);

    self->type = type;
    self->container_id = g_strdup(container_id);
    self->process_id = g_strdup(process_id);
    self->time_us = time_us;
    self->number = number;
    return self;
}

HfEvent *
hf_event_copy(const HfEvent *self)
{
    HfEvent *copy =
        hf_event_new(self->type, self->container_id, self->process_id, self->time_us, self->number);

    copy->checkpoint = g_strdup(self->checkpoint);
    copy->syscall = g_strdup(self->syscall);
    copy->action = g_strdup(self->action);
    copy->pid = self->pid;
    return copy;
}

void
hf_event_free(HfEvent *self)
{
    if (self == NULL)
        return;
    g_free(self->container_id);
    g_free(self->process_id);
    g_free(self->checkpoint);
    g_free(self->syscall);
    g_free(self->action);
    g_free(self);
}

HfEventType
hf_event_get_event_type(const HfEvent *self)
{
    return self->type;
}

const char *
hf_event_get_container_id(const HfEvent *self)
{
    return self->container_id;
}

const char *
hf_event_get_process_id(const HfEvent *self)
{
    return self->process_id;
}

gint64
hf_event_get_time_us(const HfEvent *self)
{
    return self->time_us;
}

gint64
hf_event_get_number(const HfEvent *self)
{
    return self->number;
}

const char *
hf_event_get_checkpoint(const HfEvent *self)
{
    return self->checkpoint;
}

const char *
hf_event_get_syscall(const HfEvent *self)
{
    return self->syscall;
}

const char *
hf_event_get_action(const HfEvent *self)
{
    return self->action;
}

guint32
hf_event_get_pid(const HfEvent *self)
{
    return self->pid;
}
