/*
 * Workers as processes: each is a fork of this one, with the run at hand and nothing shared. It
 * reports through a pipe of its own; a report is a header, then the verdict of a finding, then
 * the tail. With one job there is no fork, and reports are calls.
 */
#include "sim/explore_parts.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOBS_MAX 64u

struct child {
    pid_t pid;
    int fd;
    bool ended; /* said its end */
};

static size_t tail_size(const struct report *report)
{
    if (report->kind == REPORT_FINDING)
        return report->count * sizeof(struct choice_record);
    return report->kind == REPORT_END ? report->count * sizeof(struct granule_report) : 0;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t done = write(fd, at, size);
        if (done < 0 && errno == EINTR && !run_is_interrupted())
            continue;
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

/* 1: read, 0: the other end is closed or we are interrupted. */
static bool read_all(int fd, void *bytes, size_t size)
{
    char *at = bytes;
    while (size > 0) {
        ssize_t done = read(fd, at, size);
        if (done < 0 && errno == EINTR && !run_is_interrupted())
            continue;
        if (done <= 0)
            return false;
        at += done;
        size -= (size_t)done;
    }
    return true;
}

/* The sink of a worker process. */
static bool send_report(void *context, const struct report *report,
                        const struct run_verdict *verdict, const void *tail)
{
    const int *fd = context;
    return write_all(*fd, report, sizeof *report) &&
           (!verdict || write_all(*fd, verdict, sizeof *verdict)) &&
           write_all(*fd, tail, tail_size(report));
}

/* Takes one report from a child. False: stop everything. */
static bool receive_report(struct child *child, report_sink *sink, void *context)
{
    struct report report;
    struct run_verdict verdict;
    if (!read_all(child->fd, &report, sizeof report)) {
        close(child->fd);
        child->fd = -1;
        return child->ended;
    }
    bool is_finding = report.kind == REPORT_FINDING;
    if (is_finding && !read_all(child->fd, &verdict, sizeof verdict))
        return false;
    void *tail = malloc(tail_size(&report) + 1);
    ensure(tail != NULL);
    bool go_on = read_all(child->fd, tail, tail_size(&report)) &&
                 sink(context, &report, is_finding ? &verdict : NULL, tail);
    child->ended = report.kind == REPORT_END;
    free(tail);
    return go_on;
}

/* Listens to all children until all have ended. False: stopped before that. */
static bool listen_to_all(struct child *children, unsigned jobs, report_sink *sink, void *context)
{
    for (;;) {
        struct pollfd fds[JOBS_MAX];
        unsigned open = 0;
        for (unsigned i = 0; i < jobs; i++) {
            fds[i] = (struct pollfd){.fd = children[i].fd, .events = POLLIN};
            open += children[i].fd >= 0;
        }
        if (open == 0)
            return true;
        int ready = poll(fds, jobs, -1);
        if (run_is_interrupted())
            return false;
        if (ready < 0) {
            ensure(errno == EINTR);
            continue;
        }
        for (unsigned i = 0; i < jobs; i++) {
            if (fds[i].revents != 0 && !receive_report(&children[i], sink, context))
                return false;
        }
    }
}

static void start_child(struct child *children, unsigned number, unsigned jobs, struct run *r,
                        struct shared *shared, const struct pass *pass)
{
    int ends[2];
    ensure(pipe(ends) == 0);
    pid_t pid = fork();
    ensure(pid >= 0);
    if (pid == 0) {
        for (unsigned i = 0; i < number; i++)
            close(children[i].fd);
        close(ends[0]);
        signal(SIGTERM, SIG_DFL);
        worker_do(r, shared, pass, number, jobs, send_report, &ends[1]);
        _exit(0);
    }
    close(ends[1]);
    children[number] = (struct child){.pid = pid, .fd = ends[0]};
}

void jobs_do(struct run *r, struct shared *shared, const struct pass *pass, unsigned jobs,
             report_sink *sink, void *context)
{
    struct child children[JOBS_MAX];
    ensure(jobs >= 1 && jobs <= JOBS_MAX);
    if (jobs == 1) {
        worker_do(r, shared, pass, 0, 1, sink, context);
        return;
    }
    fflush(NULL);
    for (unsigned i = 0; i < jobs; i++)
        start_child(children, i, jobs, r, shared, pass);
    bool done = listen_to_all(children, jobs, sink, context);
    for (unsigned i = 0; i < jobs; i++) {
        int status = 0;
        if (!done)
            kill(children[i].pid, SIGTERM);
        if (children[i].fd >= 0)
            close(children[i].fd);
        while (waitpid(children[i].pid, &status, 0) < 0)
            ensure(errno == EINTR);
        bool is_crash = WIFSIGNALED(status) && WTERMSIG(status) != SIGTERM &&
                        WTERMSIG(status) != SIGPIPE;
        if (is_crash || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
            bug("a worker of the search ended with wait status %d", status);
    }
}
