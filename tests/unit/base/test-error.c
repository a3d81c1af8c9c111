/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

#include <errno.h>

#include <glib.h>

#include "base/error.h"
#include "test-kit.h"

static void
test_throw_sets_code_and_text(void)
{
    g_autoptr(GError) error = NULL;

    gboolean result = hf_throw(&error, HF_ERROR_LIMIT, "more than %d in '%s'", 3, "x");

    g_assert_false(result);
    g_assert_error(error, HF_ERROR, HF_ERROR_LIMIT);
    g_assert_cmpstr(error->message, ==, "more than 3 in 'x'");
}

static void
test_throw_errno_names_the_cause(void)
{
    g_autoptr(GError) error = NULL;

    errno = ENOENT;
    gboolean result = hf_throw_errno(&error, "open '%s'", "/x");

    g_assert_false(result);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT);
    g_assert_cmpstr(error->message, ==, "open '/x': No such file or directory");
}

static void
test_throw_errnum_ignores_errno(void)
{
    g_autoptr(GError) error = NULL;

    errno = ENOENT;
    gboolean result = hf_throw_errnum(&error, EACCES, "open");

    g_assert_false(result);
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_ACCES);
    g_assert_cmpstr(error->message, ==, "open: Permission denied");
}

static void
test_nobody_needs_to_want_the_error(void)
{
    errno = EIO;

    g_assert_false(hf_throw(NULL, HF_ERROR_FAILED, "x"));
    g_assert_false(hf_throw_errno(NULL, "x"));
    g_assert_false(hf_throw_errnum(NULL, EIO, "x"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    hf_test_add("/base/error/throw-sets-code-and-text", test_throw_sets_code_and_text);
    hf_test_add("/base/error/throw-errno-names-the-cause", test_throw_errno_names_the_cause);
    hf_test_add("/base/error/throw-errnum-ignores-errno", test_throw_errnum_ignores_errno);
    hf_test_add("/base/error/nobody-needs-to-want-the-error", test_nobody_needs_to_want_the_error);
    return g_test_run();
}
