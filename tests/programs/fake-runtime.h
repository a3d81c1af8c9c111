/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* The parts of the fake runtime; fake-runtime.c says what it does. */

#pragma once

#include <stdbool.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#include <glib.h>

/* What the command line asks for. Strings are borrowed from argv. */
typedef struct {
    const char *root;
    const char *log;
    const char *action;
    const char *bundle;
    const char *pid_file;
    const char *process_spec;
    const char *console_socket;
    const char *container_id;
    const char *signal_name; /* of kill */
    int preserve_fds;
    bool is_forced; /* of delete */
} FakeRequest;

/* Ends the program with status 1 and a message. */
noreturn void fake_die(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Fills *@out from argv; ends the program if there is no action that it knows. */
void fake_request_parse(FakeRequest *out, char **argv);

/* The file that drives a run. */
typedef struct FakeScript FakeScript;

FakeScript *fake_script_load(const FakeRequest *request);

/* NULL if no line has @key. */
const char *fake_script_get(const FakeScript *self, const char *key);
bool fake_script_says(const FakeScript *self, const char *key, const char *value);
int fake_script_get_number(const FakeScript *self, const char *key, int fallback);

/* Sleeps for the milliseconds @key has. */
void fake_script_delay(const FakeScript *self, const char *key);

/* Writes what can be seen of this process into files of the directory @path. */
void fake_record(const char *path, char **argv);

/* The start of a container: the process, its terminal. Returns its pid. The process does nothing
 * until a byte is written to *@out_noted_fd, and ends if none comes. */
pid_t fake_container_spawn(const FakeRequest *request, const FakeScript *script, char **argv,
                           bool waits_for_start, int *out_noted_fd);

/* Where an instance is remembered: ROOT/ID/{pid,bundle}. (transfer full) */
char *fake_state_path(const FakeRequest *request, const char *name);
void fake_state_save(const FakeRequest *request, pid_t pid);

/* The bundle of a container that was created, or NULL. (transfer full) */
char *fake_state_bundle(const FakeRequest *request);

/* start, state, kill, delete, pause, resume: what acts on a container that was created. */
void fake_state_action(const FakeRequest *request);

/* BUNDLE/fake-runtime.start (transfer full) */
char *fake_start_fifo_path(const char *bundle);
