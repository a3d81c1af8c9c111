/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How this works: a cursor walks over the line and takes one decimal number after the other, each
 * ended by a blank or by the line's end.
 *
 * A number too large for any use saturates and is told from a good one by the range check, so no
 * length of digits overflows. Leading zeros are decimal: Podman prints with %d, and conmon reads
 * so.
 * "+5", "0x10" and "10.5" are no numbers. What follows the numbers a line needs is not looked at.
 */

#include <limits.h>
#include <string.h>

#include "base/error.h"
#include "protocol/control-line.h"

#define NUMBER_SATURATED 1000000

typedef enum {
    COMMAND_CLOSE_STDIN = 0, /* not in `ctl` */
    COMMAND_RESIZE = 1,
    COMMAND_REOPEN_LOGS = 2,
    COMMAND_UPGRADE = 3,
} Command;

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Takes the number at *@cursor and moves it behind. */
static bool
take_number(const char **cursor, int *out_number)
{
    const char *p = *cursor;
    int number = 0;

    while (is_blank(*p))
        p++;
    bool is_negative = *p == '-';
    if (is_negative)
        p++;
    if (!g_ascii_isdigit(*p))
        return false;
    for (; g_ascii_isdigit(*p); p++) {
        if (number < NUMBER_SATURATED)
            number = number * 10 + (*p - '0');
    }
    if (*p != '\0' && !is_blank(*p))
        return false;
    *cursor = p;
    *out_number = is_negative ? -number : number;
    return true;
}

static gboolean
check_size(const char *line, int rows, int columns, GError **error)
{
    if (rows < 0 || rows > USHRT_MAX || columns < 0 || columns > USHRT_MAX)
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s': a size is not in 0 to %d", line,
                        USHRT_MAX);
    return TRUE;
}

typedef struct {
    int command;
    int arguments[2];
} Numbers;

static gboolean
take_numbers(const char *line, Numbers *out, GError **error)
{
    const char *cursor = line;

    if (!take_number(&cursor, &out->command) || !take_number(&cursor, &out->arguments[0]) ||
        !take_number(&cursor, &out->arguments[1]))
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' does not begin with three numbers", line);
    return TRUE;
}

static gboolean
make_resize(const char *line, int rows, int columns, HfControlCommand *out_command, GError **error)
{
    if (!check_size(line, rows, columns, error))
        return FALSE;
    *out_command = (HfControlCommand){
        .kind = HF_CONTROL_RESIZE,
        .rows = (unsigned short)rows,
        .columns = (unsigned short)columns,
    };
    return TRUE;
}

gboolean
hf_control_line_parse(const char *line, HfControlCommand *out_command, GError **error)
{
    Numbers numbers;

    if (!take_numbers(line, &numbers, error))
        return FALSE;
    switch (numbers.command) {
    case COMMAND_RESIZE:
        return make_resize(line, numbers.arguments[0], numbers.arguments[1], out_command, error);
    case COMMAND_REOPEN_LOGS:
        *out_command = (HfControlCommand){.kind = HF_CONTROL_REOPEN_LOGS};
        return TRUE;
    case COMMAND_UPGRADE:
        *out_command = (HfControlCommand){.kind = HF_CONTROL_UPGRADE};
        return TRUE;
    default:
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s': there is no command %d", line,
                        numbers.command);
    }
}

gboolean
hf_control_line_parse_process(const char *line, HfControlCommand *out_command, GError **error)
{
    Numbers numbers;

    if (!take_numbers(line, &numbers, error))
        return FALSE;
    switch (numbers.command) {
    case COMMAND_CLOSE_STDIN:
        *out_command = (HfControlCommand){.kind = HF_CONTROL_CLOSE_STDIN};
        return TRUE;
    case COMMAND_RESIZE:
        return make_resize(line, numbers.arguments[1], numbers.arguments[0], out_command, error);
    case COMMAND_REOPEN_LOGS:
        *out_command = (HfControlCommand){.kind = HF_CONTROL_REOPEN_LOGS};
        return TRUE;
    case COMMAND_UPGRADE:
        *out_command = (HfControlCommand){.kind = HF_CONTROL_UPGRADE};
        return TRUE;
    default:
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s': there is no command %d", line,
                        numbers.command);
    }
}

gboolean
hf_control_line_parse_size(const char *line, unsigned short *out_rows, unsigned short *out_columns,
                           GError **error)
{
    const char *cursor = line;
    int rows, columns;

    if (!take_number(&cursor, &rows) || !take_number(&cursor, &columns))
        return hf_throw(error, HF_ERROR_PROTOCOL, "'%s' does not begin with two numbers", line);
    if (!check_size(line, rows, columns, error))
        return FALSE;
    *out_rows = (unsigned short)rows;
    *out_columns = (unsigned short)columns;
    return TRUE;
}

static void
end_line(HfControlReader *self, HfControlLineFunc on_line, gpointer user_data)
{
    bool is_dropped = self->is_dropped;

    self->text[self->length] = '\0';
    self->length = 0;
    self->is_dropped = false;
    on_line(is_dropped ? NULL : self->text, user_data);
}

static void
add_piece(HfControlReader *self, const char *bytes, size_t length)
{
    if (self->is_dropped)
        return;
    /* A NUL would end the line early for whoever parses it. */
    if (length >= sizeof self->text - self->length || memchr(bytes, '\0', length) != NULL) {
        self->is_dropped = true;
        self->length = 0;
        return;
    }
    memcpy(self->text + self->length, bytes, length);
    self->length += length;
}

void
hf_control_reader_push(HfControlReader *self, const char *bytes, size_t length,
                       HfControlLineFunc on_line, gpointer user_data)
{
    const char *end = bytes + length;

    while (bytes < end) {
        const char *newline = memchr(bytes, '\n', (size_t)(end - bytes));

        if (newline == NULL) {
            add_piece(self, bytes, (size_t)(end - bytes));
            return;
        }
        add_piece(self, bytes, (size_t)(newline - bytes));
        end_line(self, on_line, user_data);
        bytes = newline + 1;
    }
}
