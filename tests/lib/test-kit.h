/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* What every test program uses: a private main loop with a deadline, a temporary directory, and a
 * check that no descriptor and no child outlives a test. */

#pragma once

#include <stdbool.h>

#include <glib.h>

/* In place of g_test_add_func(): runs @test, and fails it if it left a descriptor open or a child
 * behind. */
void hf_test_add(const char *path, void (*test)(void));

/* Skips the test and returns true under valgrind, which keeps limits of its own: for tests that
 * need setrlimit() to work. */
bool hf_test_skip_under_valgrind(const char *what_it_does_not);

/* Iterates @context (NULL: the default one) until @is_done returns true; fails the test after a
 * generous deadline, naming @what. */
void hf_test_wait(GMainContext *context, const char *what, bool (*is_done)(gpointer user_data),
                  gpointer user_data);

/* Iterates @context until nothing is ready. */
void hf_test_settle(GMainContext *context);

/* Runs @body in a forked child, for what would change this process for good (descriptors, limits,
 * umask), and returns what it returned: 0 to 255. Fails the test if a signal ended the child. */
int hf_test_run_in_child(int (*body)(gpointer user_data), gpointer user_data);

/* In a forked child: waits to be killed, or for the end of the test program, whose output it would
 * hold open. */
G_NORETURN void hf_test_wait_for_kill(void);

/* A new directory (0700), removed with all it holds by hf_test_remove_dir(). (transfer full) */
char *hf_test_make_dir(void);
void hf_test_remove_dir(char *take_path);

/* The file's contents; fails the test if it cannot be read. (transfer full) */
char *hf_test_read_file(const char *dir, const char *name);
void hf_test_write_file(const char *dir, const char *name, const char *text);
bool hf_test_file_exists(const char *dir, const char *name);
