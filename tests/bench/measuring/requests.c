/*
 * Sends one HTTP request again and again over some connections, each as soon as it has its answer, and tells how long that took.
 *
 *   requests ADDRESS PORT CONNECTIONS COUNT FIRST < request
 *
 * "############" in the request becomes a number of 12 digits that grows from FIRST. Answers need a Content-Length.
 * Prints: answers of 2xx, other answers, seconds, bytes of bodies, and the microseconds that half and 99 of 100 answers took
 * at most.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 1 << 16, DIGITS = 12 };

struct connection {
    int socket;
    double sent;
    char head[LONGEST];
    size_t length; /* of what is in head */
    long body;     /* bytes of the body still to come, -1 before the head's end */
};

static char request[LONGEST];
static size_t request_length;
static long number, waiting, fine, wrong, asked;
static double bytes, *took;

static void need(int holds, const char *doing) {
    if (!holds) {
        perror(doing);
        exit(1);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static void ask(struct connection *to) {
    static char sent[LONGEST];
    char digits[DIGITS + 1];
    snprintf(digits, sizeof digits, "%012ld", number++);
    memcpy(sent, request, request_length + 1);
    for (char *place = sent; (place = strstr(place, "############")) != NULL;)
        memcpy(place, digits, DIGITS);
    to->length = 0;
    to->body = -1;
    to->sent = now();
    waiting--;
    need(write(to->socket, sent, request_length) == (ssize_t)request_length, "write");
}

static void answered(struct connection *from) {
    if (memcmp(from->head + 9, "2", 1) == 0)
        fine++;
    else if (wrong++ == 0)
        fprintf(stderr, "%.*s\n", (int)from->length, from->head);
    took[asked++] = now() - from->sent;
    if (waiting > 0)
        ask(from);
}

/* The head, and as much of the body as came with it. */
static void take_head(struct connection *from) {
    from->head[from->length] = '\0';
    char *end = strstr(from->head, "\r\n\r\n"), *length = strcasestr(from->head, "\r\nContent-Length:");
    if (end == NULL)
        return;
    long whole = length != NULL && length < end ? atol(length + 17) : 0;
    bytes += (double)whole;
    from->body = whole - (long)(from->head + from->length - end - 4);
}

static void take(struct connection *from) {
    static char rest[1 << 20];
    ssize_t count;
    if (from->body < 0) {
        count = read(from->socket, from->head + from->length, LONGEST - 1 - from->length);
        need(count > 0, "the server ends the connection");
        from->length += (size_t)count;
        take_head(from);
    } else {
        count = read(from->socket, rest, sizeof rest);
        need(count > 0, "the server ends the connection");
        from->body -= count;
    }
    if (from->body == 0)
        answered(from);
}

static int ascending(const void *one, const void *other) {
    double difference = *(const double *)one - *(const double *)other;
    return (difference > 0) - (difference < 0);
}

int main(int argc, char **argv) {
    need(argc == 6, "usage: requests ADDRESS PORT CONNECTIONS COUNT FIRST < request");
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2]))};
    need(inet_pton(AF_INET, argv[1], &address.sin_addr) == 1, argv[1]);
    long connections = atol(argv[3]), count = waiting = atol(argv[4]);
    number = atol(argv[5]);
    request_length = fread(request, 1, LONGEST - 1, stdin);
    took = calloc((size_t)count, sizeof *took);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    int ready = epoll_create1(0);
    for (long i = 0; i < connections; i++) {
        all[i].socket = socket(AF_INET, SOCK_STREAM, 0);
        need(connect(all[i].socket, (struct sockaddr *)&address, sizeof address) == 0, "connect");
        setsockopt(all[i].socket, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(ready, EPOLL_CTL_ADD, all[i].socket, &event);
    }
    double began = now();
    for (long i = 0; i < connections && waiting > 0; i++)
        ask(&all[i]);
    while (asked < count) {
        struct epoll_event events[64];
        int found = epoll_wait(ready, events, 64, 30000);
        need(found > 0, "no answer for 30 seconds");
        for (int i = 0; i < found; i++)
            take(events[i].data.ptr);
    }
    double seconds = (now() - began) / 1e6;
    qsort(took, (size_t)count, sizeof *took, ascending);
    printf("%ld %ld %.6f %.0f %.1f %.1f\n", fine, wrong, seconds, bytes, took[count / 2], took[count * 99 / 100]);
    return 0;
}
