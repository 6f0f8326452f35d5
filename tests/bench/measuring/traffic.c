/*
 * Traffic between network namespaces, and what it costs. Client and server are threads of this one process, so its processor
 * time is that of both sides and, as packets between namespaces are handled where they are sent, of the whole way.
 *
 *   traffic WHAT PROCESSOR AMOUNT CLIENT ADDRESS PORT SERVER_PORT SERVER...
 *
 * WHAT is "stream" (bytes of one TCP connection), "requests" (one byte there and back on one TCP connection), "connections"
 * (connect, one byte back, close), or "packets" (64 bytes on the wire, UDP). PROCESSOR is where all of it runs, -1: anywhere.
 * AMOUNT is seconds, or with "connections" a number followed by "n". CLIENT and SERVER are paths of namespaces; servers listen
 * on SERVER_PORT, the client sends to ADDRESS and PORT.
 *
 * Prints operations (bytes of a stream), seconds, processor seconds, and failures by errno as "NUMBER:COUNT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 18, BURST = 64, BUFFER = 1 << 17, PATIENCE = 3, MOST_SERVERS = 16 };

static const char *what;
static struct sockaddr_in target;
static double seconds;
static long most; /* operations, 0: as many as there is time for */
static long failures[256];
static int listeners[MOST_SERVERS]; /* of "packets": the receivers */

static void need(bool fine, const char *doing) {
    if (!fine) {
        perror(doing);
        exit(1);
    }
}

static double clock_of(clockid_t id) {
    struct timespec time;
    clock_gettime(id, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void enter(const char *namespace) {
    int there = open(namespace, O_RDONLY | O_CLOEXEC);
    need(there >= 0 && setns(there, CLONE_NEWNET) == 0, namespace);
    close(there);
}

/* It belongs to the namespace that the thread is in now, whatever the thread does later. */
static int opened(int type) {
    int made = socket(AF_INET, type, 0);
    need(made >= 0, "socket");
    return made;
}

static void bound(int made, int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    need(setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) == 0, "SO_REUSEADDR");
    need(bind(made, (struct sockaddr *)&address, sizeof address) == 0, "bind");
}

/* ------------------------------------------------------------------------------------------- servers: a thread for each */

static void serve_connection(int made, char *buffer) {
    if (strcmp(what, "connections") == 0) {
        (void)!write(made, "!", 1);
        return;
    }
    bool answers = strcmp(what, "requests") == 0;
    while (read(made, buffer, answers ? 1 : BUFFER) > 0)
        if (answers && write(made, "!", 1) != 1)
            return;
}

static void *serve(void *listener) {
    char *buffer = malloc(BUFFER);
    for (;;) {
        int made = accept(*(int *)listener, NULL, NULL);
        if (made < 0)
            return NULL;
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        serve_connection(made, buffer);
        close(made);
    }
}

static void start_servers(char **namespaces, int count, int type, int port) {
    for (int i = 0; i < count && i < MOST_SERVERS; i++) {
        pthread_t thread;
        enter(namespaces[i]);
        listeners[i] = opened(type);
        bound(listeners[i], port);
        if (type == SOCK_DGRAM)
            continue;
        need(listen(listeners[i], 1024) == 0, "listen");
        need(pthread_create(&thread, NULL, serve, &listeners[i]) == 0, "thread");
    }
}

/* --------------------------------------------------------------------------------------------------------------- the client */

static int connected(void) {
    int made = opened(SOCK_STREAM);
    struct timeval patience = {.tv_sec = PATIENCE};
    setsockopt(made, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    setsockopt(made, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(made, (struct sockaddr *)&target, sizeof target) == 0)
        return made;
    int failure = errno;
    close(made);
    errno = failure;
    return -1;
}

static double stream(double end) {
    char *buffer = calloc(1, BUFFER);
    double sent = 0;
    int made = connected();
    need(made >= 0, "connect");
    while (clock_of(CLOCK_MONOTONIC) < end) {
        ssize_t count = write(made, buffer, BUFFER);
        need(count > 0, "write");
        sent += (double)count;
    }
    close(made);
    free(buffer);
    return sent;
}

static double requests(double end) {
    double done = 0;
    int made = connected();
    need(made >= 0, "connect");
    for (char byte = '?'; clock_of(CLOCK_MONOTONIC) < end; done++)
        need(write(made, &byte, 1) == 1 && read(made, &byte, 1) == 1, "request");
    close(made);
    return done;
}

/* The byte and the server's end have come before we end with a reset, which leaves no port waiting. */
static int one_connection(void) {
    int made = connected();
    char bytes[2];
    if (made < 0)
        return errno;
    errno = 0;
    bool answered = read(made, bytes, 1) == 1 && read(made, bytes, 1) == 0;
    int failure = answered ? 0 : errno ? errno : ECONNRESET;
    setsockopt(made, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(made);
    return failure;
}

static double connections(double end) {
    for (long tried = 0; most ? tried < most : clock_of(CLOCK_MONOTONIC) < end; tried++)
        failures[one_connection() & 255]++;
    return (double)failures[0];
}

/* Bursts that fit the receiver's buffer, sent and received by one thread: nothing but the way is measured. */
static double packets(double end) {
    char payload[PAYLOAD] = {0};
    double received = 0;
    int sender = opened(SOCK_DGRAM);
    need(connect(sender, (struct sockaddr *)&target, sizeof target) == 0, "connect");
    while (clock_of(CLOCK_MONOTONIC) < end) {
        for (int i = 0; i < BURST; i++)
            (void)!send(sender, payload, PAYLOAD, 0);
        while (recv(listeners[0], payload, PAYLOAD, MSG_DONTWAIT) == PAYLOAD)
            received++;
    }
    return received;
}

static double client(void) {
    double end = clock_of(CLOCK_MONOTONIC) + seconds;
    if (strcmp(what, "stream") == 0)
        return stream(end);
    if (strcmp(what, "requests") == 0)
        return requests(end);
    return strcmp(what, "packets") == 0 ? packets(end) : connections(end);
}

int main(int argc, char **argv) {
    if (argc < 9) {
        fprintf(stderr, "usage: traffic WHAT PROCESSOR AMOUNT CLIENT ADDRESS PORT SERVER_PORT SERVER...\n");
        return 2;
    }
    what = argv[1];
    if (atoi(argv[2]) >= 0) {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(atoi(argv[2]), &one);
        need(sched_setaffinity(0, sizeof one, &one) == 0, "processor");
    }
    char *unit;
    seconds = strtod(argv[3], &unit);
    most = *unit == 'n' ? (long)seconds : 0;
    target = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[6]))};
    need(inet_pton(AF_INET, argv[5], &target.sin_addr) == 1, argv[5]);
    start_servers(argv + 8, argc - 8, strcmp(what, "packets") == 0 ? SOCK_DGRAM : SOCK_STREAM, atoi(argv[7]));
    enter(argv[4]);
    double began = clock_of(CLOCK_MONOTONIC), processor = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    double done = client();
    printf("%.0f %.6f %.6f", done, clock_of(CLOCK_MONOTONIC) - began, clock_of(CLOCK_PROCESS_CPUTIME_ID) - processor);
    for (int i = 1; i < 256; i++)
        if (failures[i])
            printf(" %d:%ld", i, failures[i]);
    printf("\n");
    return 0;
}
