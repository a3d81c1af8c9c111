/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* HfEvents' struct, and its parts: events.c hears where to look, events-look.c looks, and
 * events-seccomp.c does at one file. */

#pragma once

#include <holdfast/events.h>

#include "library/events-spool.h"

struct _HfEvents {
    GObject parent_instance;

    char *root;
    int root_fd;
    int inotify_fd;
    int root_watch;
    HfEventsSpool spool;
    int spool_watch;
    gboolean has_spooled;   /* there may be something in it */
    GHashTable *watches;    /* watch descriptor -> id of its container */
    GHashTable *containers; /* id -> what was known of it (events-look.c) */
    GQueue *queue;          /* of HfEvent, to be handed out */
    GError *failure;        /* a watch could not be made: what happens there is not seen */
};

/* The key of a watch descriptor. */
#define HF_EVENTS_KEY(watch) GINT_TO_POINTER(watch)

/* Watches @dir_fd, for what happens there to be heard as of @container_id (NULL: the root). -1: it
 * is gone already, which is left to the next look, or cannot be watched. */
int hf_events_watch(HfEvents *self, int dir_fd, const char *container_id);

/* The same for a file, of what is written to it. */
int hf_events_watch_file(HfEvents *self, int fd, const char *container_id);

/* The spool, of what is put into it. */
int hf_events_watch_spool(HfEvents *self);

/* Of what has another name, or none. */
void hf_events_unwatch(HfEvents *self, int watch);

/* Adds to the queue what has happened to the container since the last look. */
void hf_events_look(HfEvents *self, const char *id);

/* The same of what was removed since, and is in the spool. NULL: of every container. */
void hf_events_look_at_spool(HfEvents *self, const char *id);

/* The names in a directory that may be ids; NULL if it cannot be read. (transfer full) */
GPtrArray *hf_events_list_ids(int dir_fd);

/* For the values of containers. */
void hf_events_known_free(gpointer data);
