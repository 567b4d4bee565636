// Shared by the load generator and the upstream: time, numbers, non-blocking sockets and header fields.
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NANOS 1000000000ull
// Precedes the send time in an event; occurs nowhere else in an answer.
#define STAMP_MARK '@'
#define STAMP_DIGITS 20
#define HEAD_MAX 16384

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

static void *allocate(void *old, size_t bytes) {
    void *memory = realloc(old, bytes);
    if (memory == NULL) die("out of memory");
    return memory;
}

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NANOS + (uint64_t)now.tv_nsec;
}

static uint64_t number(const char *text, const char *name) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') die("%s: not a number: %s", name, text);
    return value;
}

// Wakes a timerfd at an absolute time; in the past: at once. UINT64_MAX: never.
static void arm_timer(int fd, uint64_t at_ns) {
    struct itimerspec when = {0};
    if (at_ns != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(at_ns / NANOS);
        when.it_value.tv_nsec = (long)(at_ns % NANOS);
    }
    if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) < 0) die("timerfd_settime: %s", strerror(errno));
}

static int new_timer(int epoll, void *tag) {
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    if (fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0) die("timerfd: %s", strerror(errno));
    return fd;
}

static void no_delay(int fd) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// The value of a header field in a head that ends with an empty line, or NULL. `name` ends with its colon.
static const char *header_value(const char *head, const char *name) {
    size_t length = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        if (strncasecmp(line + 2, name, length) != 0) continue;
        const char *value = line + 2 + length;
        while (*value == ' ' || *value == '\t') value++;
        return value;
    }
    return NULL;
}

// Raises the file limit to the maximum, and ends this program with its parent process.
static void prepare_process(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    signal(SIGPIPE, SIG_IGN);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
}

#endif
