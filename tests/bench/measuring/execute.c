/*
 * Executes programs and tells how long each took, from before its start to its end.
 *
 *   execute AT_ONCE < jobs
 *
 * A job is a line of fields with tabs between them: program, file for its input, file for its output, then its environment
 * as NAME=VALUE. AT_ONCE of them are started one after the other, then all of these are waited for, then the next ones.
 * For each job, in order, a line: microseconds and exit status.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MOST_JOBS = 4096, MOST_FIELDS = 64 };

struct job {
    char *fields[MOST_FIELDS + 1];
    pid_t process;
    double began, took;
    int status;
};

static struct job jobs[MOST_JOBS];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static int read_jobs(void) {
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    while (count < MOST_JOBS && getline(&line, &room, stdin) > 0) {
        char *rest = strdup(line), *field;
        int fields = 0;
        rest[strcspn(rest, "\n")] = '\0';
        while (fields < MOST_FIELDS && (field = strsep(&rest, "\t")) != NULL)
            jobs[count].fields[fields++] = field;
        count += fields > 2;
    }
    return count;
}

static void start(struct job *job) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, job->fields[1], O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, job->fields[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    char *arguments[] = {job->fields[0], NULL};
    job->began = now();
    if (posix_spawn(&job->process, job->fields[0], &files, NULL, arguments, job->fields + 3) != 0) {
        perror(job->fields[0]);
        exit(1);
    }
    posix_spawn_file_actions_destroy(&files);
}

static void reap(int count) {
    int status;
    pid_t process = waitpid(-1, &status, 0);
    double end = now();
    for (int i = 0; i < count; i++)
        if (jobs[i].process == process) {
            jobs[i].took = end - jobs[i].began;
            jobs[i].status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        }
}

int main(int argc, char **argv) {
    int at_once = argc > 1 ? atoi(argv[1]) : 1, count = read_jobs();
    for (int first = 0; first < count; first += at_once) {
        int end = first + at_once < count ? first + at_once : count;
        for (int i = first; i < end; i++)
            start(&jobs[i]);
        for (int i = first; i < end; i++)
            reap(end);
    }
    for (int i = 0; i < count; i++)
        printf("%.1f %d\n", jobs[i].took, jobs[i].status);
    return 0;
}
