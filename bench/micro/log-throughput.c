/* SPDX-License-Identifier: Apache-2.0
 * Copyright The Holdfast Authors */

/* How many container bytes a second go from a pipe through the router into a file.
 *
 * A child writes lines of --line bytes in writes of --write bytes. This program reads them and logs
 * them (mode `log`), copies them to a file as cat does (`copy`; with --grow some of each read once
 * more, so that as many bytes are written as a log format would make), or only takes them apart
 * (`split`: no file). Prints the medians of --runs: megabytes (10^6) a second, and a second of this
 * process's CPU time, which other work on the machine disturbs less. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include "base/fd.h"
#include "logging/cri-file.h"
#include "logging/json-file.h"
#include "logging/log-router.h"

typedef struct {
    const char *mode;
    const char *path;
    gboolean is_json;
    int line;
    int write;
    int pipe;
    int read;
    int megabytes;
    int runs;
    int size_max;
    int grow;
} Options;

static void
write_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);

        if (n < 0)
            _exit(1);
        bytes += n;
        length -= (size_t)n;
    }
}

/* The child. The text of --write bytes is a part of an endless repetition of the line. */
static void
produce(int fd, const Options *options)
{
    size_t size = (size_t)(options->write + options->line);
    gint64 left = (gint64)options->megabytes * 1000 * 1000;
    gint64 offset = 0;
    char *text = malloc(size);

    for (size_t i = 0; i < size; i++)
        text[i] = (i + 1) % (size_t)options->line == 0 ? '\n' : (char)('a' + i % 26);
    while (left > 0) {
        gint64 n = MIN(left, options->write);

        write_all(fd, text + offset % options->line, (size_t)n);
        offset += n;
        left -= n;
    }
    _exit(0);
}

static HfLogRouter *
make_router(const Options *options)
{
    static const HfLogRouterHandlers handlers = {0};
    HfFileSinkOptions file = {.path = options->path, .size_max = options->size_max, .files_max = 1};
    HfLogRouter *router = hf_log_router_new(NULL, 16384, &handlers, NULL);
    g_autoptr(GError) error = NULL;

    if (!g_str_equal(options->mode, "log"))
        return router;
    HfLogSink *sink = options->is_json ? hf_json_file_new(&file, NULL, NULL, &error)
                                       : hf_cri_file_new(&file, &error);
    if (sink == NULL)
        g_error("%s", error->message);
    hf_log_router_take_sink(router, sink);
    return router;
}

static void
consume(int in_fd, const Options *options)
{
    g_autoptr(HfLogRouter) router = make_router(options);
    g_autofree char *buffer = g_malloc((size_t)options->read);
    bool is_copy = g_str_equal(options->mode, "copy");
    hf_autofd out_fd = -1;
    ssize_t n;

    if (is_copy)
        out_fd = open(options->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    while ((n = read(in_fd, buffer, (size_t)options->read)) > 0) {
        int ready = 1;

        if (is_copy) {
            write_all(out_fd, buffer, (size_t)n);
            for (ssize_t more = n * options->grow / 100; more > 0; more -= n)
                write_all(out_fd, buffer, (size_t)MIN(more, n));
            continue;
        }
        if (n < options->read && buffer[n - 1] != '\n')
            (void)ioctl(in_fd, FIONREAD, &ready);
        hf_log_router_write(router, HF_STREAM_STDOUT, buffer, (size_t)n, ready > 0);
    }
}

/* User and system time of this process alone. */
static gint64
get_cpu_time_us(void)
{
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * G_USEC_PER_SEC +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

static void
measure(const Options *options, double *out_rate, double *out_cpu_rate)
{
    int fds[2];
    pid_t child;

    (void)unlink(options->path);
    if (pipe2(fds, O_CLOEXEC) < 0 || fcntl(fds[0], F_SETPIPE_SZ, options->pipe) < 0)
        g_error("pipe: %s", g_strerror(errno));
    child = fork();
    if (child == 0)
        produce(fds[1], options);
    hf_close_fd(&fds[1]);

    gint64 cpu_us = get_cpu_time_us();
    gint64 time_us = g_get_monotonic_time();
    consume(fds[0], options);
    time_us = g_get_monotonic_time() - time_us;
    cpu_us = get_cpu_time_us() - cpu_us;

    hf_close_fd(&fds[0]);
    (void)waitpid(child, NULL, 0);
    (void)unlink(options->path);
    g_autofree char *full = g_strconcat(options->path, ".1", NULL);
    (void)unlink(full);
    *out_rate = (double)options->megabytes * G_USEC_PER_SEC / (double)time_us;
    *out_cpu_rate = (double)options->megabytes * G_USEC_PER_SEC / (double)cpu_us;
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int
main(int argc, char **argv)
{
    Options options = {
        .mode = "log",
        .path = "/tmp/holdfast-log-throughput",
        .line = 100,
        .write = 65536,
        .pipe = 65536,
        .read = 65536,
        .megabytes = 1000,
        .runs = 5,
    };
    const GOptionEntry entries[] = {
        {"mode", 0, 0, G_OPTION_ARG_STRING, &options.mode, "log, copy or split", NULL},
        {"path", 0, 0, G_OPTION_ARG_FILENAME, &options.path, "The file", NULL},
        {"json", 0, 0, G_OPTION_ARG_NONE, &options.is_json, "json-file, not k8s-file", NULL},
        {"line", 0, 0, G_OPTION_ARG_INT, &options.line, "Bytes of a line", NULL},
        {"write", 0, 0, G_OPTION_ARG_INT, &options.write, "Bytes of a write", NULL},
        {"pipe", 0, 0, G_OPTION_ARG_INT, &options.pipe, "Bytes of the pipe", NULL},
        {"read", 0, 0, G_OPTION_ARG_INT, &options.read, "Bytes of a read", NULL},
        {"megabytes", 0, 0, G_OPTION_ARG_INT, &options.megabytes, "Megabytes (10^6) in all", NULL},
        {"size-max", 0, 0, G_OPTION_ARG_INT, &options.size_max, "Bytes of a file; 0: no limit",
         NULL},
        {"grow", 0, 0, G_OPTION_ARG_INT, &options.grow, "Per cent more that a copy writes", NULL},
        {"runs", 0, 0, G_OPTION_ARG_INT, &options.runs, "Runs", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        g_printerr("%s\n", error->message);
        return 1;
    }
    g_autofree double *rates = g_new(double, options.runs);
    g_autofree double *cpu_rates = g_new(double, options.runs);
    for (int i = 0; i < options.runs; i++)
        measure(&options, &rates[i], &cpu_rates[i]);
    qsort(rates, (size_t)options.runs, sizeof *rates, compare);
    qsort(cpu_rates, (size_t)options.runs, sizeof *cpu_rates, compare);
    g_print("%-5s line %5d  write %7d  pipe %7d  read %7d  %5.0f MB/s  %5.0f MB/CPU-s\n",
            options.mode, options.line, options.write, options.pipe, options.read,
            rates[options.runs / 2], cpu_rates[options.runs / 2]);
    return 0;
}
