/*
 * midonet-kube-cni: what a container runtime executes for each pod (CNI specification 1.1.0).
 *
 * It knows nothing about networks. It hands its environment, its standard input and, as a descriptor, the pod's network
 * namespace to the node daemon, and prints the daemon's answer. Only VERSION is answered here. So it needs no libraries,
 * credentials or Python in the host's file system, and a new daemon brings new behaviour without a new plugin.
 *
 * Request, one line:  {"protocol":1,"environment":{"CNI_COMMAND":"ADD",...},"stdin":"..."}\n
 * Answer:             <protocol> <exit status> <length of output>\n<output>
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PROTOCOL 1
#define DEFAULT_SOCKET "/var/run/midonet-kube-node/api"
#define DEFAULT_TIMEOUT 110 /* seconds; kubelet gives up on its runtime after 120 */
#define RESTART 5000        /* milliseconds in which a daemon that is restarted is back */
#define PAUSE 50            /* milliseconds between two looks whether it is */
#define LARGEST (4u << 20)  /* bytes of standard input or of an answer */
#define NEWEST_VERSION "1.1.0"
#define GET_NAMESPACE_TYPE _IO(0xb7, 0x3) /* NS_GET_NSTYPE of linux/nsfs.h */
#define NETWORK_NAMESPACE 0x40000000      /* CLONE_NEWNET */

/* Error codes of the specification, section 5. */
enum { BAD_ENVIRONMENT = 4, IO_FAILURE = 5, UNDECODABLE = 6, BAD_CONFIGURATION = 7, TRY_AGAIN = 11, NOT_AVAILABLE = 50 };

static const char *const VARIABLES[] = {"CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH"};
static const char *const VERSIONS[] = {"0.3.1", "0.4.0", "1.0.0", "1.1.0"};

static char version[16] = NEWEST_VERSION; /* the configuration's cniVersion as soon as it is known */

/* ---------------------------------------------------------------- text that grows */

struct text {
    char *bytes;
    size_t length, room;
};

static void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

static void reserve(struct text *text, size_t more) {
    if (text->room - text->length >= more)
        return;
    size_t room = (text->length + more) * 2;
    char *bytes = realloc(text->bytes, room);
    if (bytes == NULL)
        fail(IO_FAILURE, "out of memory");
    text->bytes = bytes;
    text->room = room;
}

static void append(struct text *text, const void *bytes, size_t length) {
    reserve(text, length);
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void append_literal(struct text *text, const char *literal) { append(text, literal, strlen(literal)); }

/* As a JSON string. Bytes above ASCII go through as they are; whether they are UTF-8 is for the daemon to say. */
static void append_quoted(struct text *text, const char *bytes, size_t length) {
    reserve(text, length * 6 + 2);
    append(text, "\"", 1);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char escaped[8];
        if (byte == '"' || byte == '\\')
            append(text, (char[]){'\\', (char)byte}, 2);
        else if (byte < 0x20)
            append(text, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", byte));
        else
            append(text, &bytes[i], 1);
    }
    append(text, "\"", 1);
}

/* ---------------------------------------------------------------- answers */

static bool print(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes += written;
        length -= (size_t)written;
    }
    return true;
}

/* Prints the specification's error object and ends. Never called with anything out of the configuration but the socket. */
static void fail(int code, const char *format, ...) {
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    for (char *byte = message; *byte != '\0'; byte++)
        if ((unsigned char)*byte < 0x20 || (unsigned char)*byte >= 0x7f || *byte == '"' || *byte == '\\')
            *byte = '?'; /* a path may hold anything, the output has to be JSON */
    char output[sizeof message + 128];
    int length = snprintf(output, sizeof output, "{\"cniVersion\":\"%s\",\"code\":%d,\"msg\":\"%s\"}\n", version, code, message);
    print(output, (size_t)length);
    exit(1);
}

static void answer_version(void) {
    struct text output = {0};
    append_literal(&output, "{\"cniVersion\":\"");
    append_literal(&output, version);
    append_literal(&output, "\",\"supportedVersions\":[");
    for (size_t i = 0; i < sizeof VERSIONS / sizeof *VERSIONS; i++) {
        append_literal(&output, i == 0 ? "\"" : ",\"");
        append_literal(&output, VERSIONS[i]);
        append_literal(&output, "\"");
    }
    append_literal(&output, "]}\n");
    exit(print(output.bytes, output.length) ? 0 : 1);
}

/* ---------------------------------------------------------------- time limit */

static struct timespec deadline;

static void set_deadline(long seconds) {
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += seconds;
}

/* Milliseconds that are left, 0 when the limit has passed. */
static int remaining(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long left = (deadline.tv_sec - now.tv_sec) * 1000 + (deadline.tv_nsec - now.tv_nsec) / 1000000;
    return left > 0 ? (int)left : 0;
}

/* Waits until the descriptor is ready or the limit has passed. */
static bool ready(int descriptor, short events) {
    struct pollfd wanted = {.fd = descriptor, .events = events};
    int found;
    do
        found = poll(&wanted, 1, remaining());
    while (found < 0 && errno == EINTR);
    return found > 0;
}

/* ---------------------------------------------------------------- the configuration: two of its members */

static const char *after_space(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r'))
        at++;
    return at;
}

/* Moves behind the string that starts at `at`; NULL when it does not end. */
static const char *after_string(const char *at, const char *end) {
    for (at++; at < end; at++) {
        if (*at == '"')
            return at + 1;
        if (*at == '\\')
            at++;
    }
    return NULL;
}

/* Where the JSON value that starts at `at` ends, or NULL. Brackets are counted, not matched: the daemon parses for real. */
static const char *after_value(const char *at, const char *end) {
    size_t depth = 0;
    while (at != NULL && at < end) {
        if (*at == '"') {
            at = after_string(at, end);
            continue;
        }
        bool closing = *at == '}' || *at == ']';
        if (depth == 0 && (closing || *at == ','))
            return at;
        if (closing)
            depth--;
        if (*at == '{' || *at == '[')
            depth++;
        at++;
    }
    return NULL;
}

/* Finds a member of the outermost object. Returns false when there is none; ends the program when this is no object. */
static bool member(const struct text *text, const char *name, const char **value, size_t *length) {
    const char *end = text->bytes + text->length, *at = after_space(text->bytes, end);
    if (at == end || *at != '{')
        fail(UNDECODABLE, "the network configuration on standard input is not a JSON object");
    do {
        const char *key = after_space(at + 1, end);
        if (key < end && *key == '}')
            return false;
        const char *key_end = key < end && *key == '"' ? after_string(key, end) : NULL;
        const char *colon = key_end == NULL ? NULL : after_space(key_end, end);
        if (colon == NULL || colon == end || *colon != ':')
            break;
        *value = after_space(colon + 1, end);
        at = after_value(*value, end);
        if (at == NULL)
            break;
        if ((size_t)(key_end - key) == strlen(name) + 2 && memcmp(key + 1, name, strlen(name)) == 0) {
            *length = (size_t)(at - *value);
            while (*length > 0 && strchr(" \t\r\n", (*value)[*length - 1]) != NULL)
                --*length;
            return true;
        }
        if (*at == '}')
            return false;
    } while (*at == ',');
    fail(UNDECODABLE, "the network configuration on standard input is cut short or is not JSON");
}

/* Copies a member that is a plain string; false when it is missing, too long, or not plain. */
static bool string_member(const struct text *text, const char *name, char *to, size_t room, bool *found) {
    const char *value = NULL;
    size_t length = 0;
    *found = member(text, name, &value, &length);
    if (!*found || length < 2 || value[0] != '"' || length - 2 >= room)
        return false;
    if (memchr(value, '\\', length) != NULL || memchr(value, '\0', length) != NULL || memchr(value + 1, '"', length - 2) != NULL)
        return false;
    memcpy(to, value + 1, length - 2);
    to[length - 2] = '\0';
    return true;
}

static void read_version(const struct text *configuration) {
    char wanted[sizeof version];
    bool found;
    if (!string_member(configuration, "cniVersion", wanted, sizeof wanted, &found))
        return;
    for (size_t i = 0; i < sizeof VERSIONS / sizeof *VERSIONS; i++)
        if (strcmp(wanted, VERSIONS[i]) == 0)
            memcpy(version, wanted, sizeof version);
}

static void read_socket(const struct text *configuration, struct sockaddr_un *address) {
    bool found;
    address->sun_family = AF_UNIX;
    if (string_member(configuration, "socket", address->sun_path, sizeof address->sun_path, &found) && address->sun_path[0] == '/')
        return;
    if (found)
        fail(BAD_CONFIGURATION, "\"socket\" in the network configuration must be an absolute path of at most %zu bytes without escapes",
             sizeof address->sun_path - 1);
    memcpy(address->sun_path, DEFAULT_SOCKET, sizeof DEFAULT_SOCKET);
}

static long read_timeout(const struct text *configuration) {
    const char *value;
    size_t length;
    if (!member(configuration, "timeout", &value, &length))
        return DEFAULT_TIMEOUT;
    long seconds = 0;
    for (size_t i = 0; i < length && seconds <= 3600; i++)
        seconds = value[i] >= '0' && value[i] <= '9' ? seconds * 10 + (value[i] - '0') : 10000;
    if (seconds < 1 || seconds > 3600)
        fail(BAD_CONFIGURATION, "\"timeout\" in the network configuration must be a whole number of seconds from 1 to 3600");
    return seconds;
}

/* ---------------------------------------------------------------- what the daemon is told */

static struct text read_standard_input(void) {
    struct text input = {0};
    for (;;) {
        reserve(&input, 65536);
        if (!ready(STDIN_FILENO, POLLIN))
            fail(IO_FAILURE, "the network configuration did not arrive on standard input in %d seconds", DEFAULT_TIMEOUT);
        ssize_t got = read(STDIN_FILENO, input.bytes + input.length, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            fail(IO_FAILURE, "reading the network configuration from standard input: %s", strerror(errno));
        if (got == 0)
            return input;
        input.length += (size_t)got;
        if (input.length > LARGEST)
            fail(BAD_CONFIGURATION, "the network configuration is larger than %u bytes", LARGEST);
    }
}

/* Opens the pod's network namespace; -1 when none is named, or when it cannot be had and only ADD and CHECK need it. */
static int open_namespace(const char *command) {
    const char *path = getenv("CNI_NETNS");
    bool needed = strcmp(command, "ADD") == 0 || strcmp(command, "CHECK") == 0;
    if (path == NULL || path[0] == '\0')
        return -1; /* whether one is needed is for the daemon to say */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0 && !needed)
        return -1;
    if (descriptor < 0)
        fail(BAD_ENVIRONMENT, "CNI_NETNS=%s cannot be opened: %s; does the container still exist?", path, strerror(errno));
    if (ioctl(descriptor, GET_NAMESPACE_TYPE) == NETWORK_NAMESPACE)
        return descriptor;
    close(descriptor); /* the mount of a deleted namespace is gone, the file below it may remain */
    if (!needed)
        return -1;
    fail(BAD_ENVIRONMENT, "CNI_NETNS=%s is not a network namespace; was the container deleted?", path);
}

static struct text request(const struct text *configuration) {
    struct text line = {0};
    append_literal(&line, "{\"protocol\":1,\"environment\":{");
    bool first = true;
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
        const char *value = getenv(VARIABLES[i]);
        if (value == NULL)
            continue;
        append_literal(&line, first ? "\"" : ",\"");
        append_literal(&line, VARIABLES[i]);
        append_literal(&line, "\":");
        append_quoted(&line, value, strlen(value));
        first = false;
    }
    append_literal(&line, "},\"stdin\":");
    append_quoted(&line, configuration->bytes, configuration->length);
    append_literal(&line, "}\n");
    return line;
}

/* ---------------------------------------------------------------- the conversation */

static int unavailable; /* the code of "the daemon does not answer": TRY_AGAIN, or NOT_AVAILABLE for STATUS */

static int try_to_connect(const struct sockaddr_un *address) {
    int connection = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection < 0)
        fail(IO_FAILURE, "making a Unix socket: %s", strerror(errno));
    int left = remaining();
    struct timeval limit = {.tv_sec = left / 1000, .tv_usec = left % 1000 * 1000 + 1}; /* bounds the wait for a full backlog */
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    if (connect(connection, (const struct sockaddr *)address, sizeof *address) == 0)
        return connection;
    int why = errno;
    close(connection);
    errno = why;
    return -1;
}

/* Waits for a daemon that is restarted: kubelet, told to try again, lets a pod wait for ten seconds and more. STATUS tells at once. */
static int connect_to_daemon(const struct sockaddr_un *address) {
    int patience = unavailable == TRY_AGAIN ? RESTART : 0;
    for (;;) {
        int connection = try_to_connect(address);
        if (connection >= 0)
            return connection;
        bool away = errno == ECONNREFUSED || errno == ENOENT;
        if (!away || patience <= 0 || remaining() == 0)
            fail(unavailable, "midonet-kube-node does not answer on %s (%s): it is not running or still starting on this node; look at its Pod's log",
                 address->sun_path, strerror(errno));
        poll(NULL, 0, remaining() < PAUSE ? remaining() : PAUSE);
        patience -= PAUSE;
    }
}

/* Sends everything, the descriptor with the first byte. A daemon that closes early has answered: what it said is read next. */
static void send_request(int connection, const struct text *line, int namespace) {
    size_t sent = 0;
    while (sent < line->length) {
        struct iovec part = {.iov_base = line->bytes + sent, .iov_len = line->length - sent};
        union {
            struct cmsghdr header;
            char room[CMSG_SPACE(sizeof(int))];
        } control = {0};
        struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
        if (sent == 0 && namespace >= 0) {
            control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof namespace), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
            memcpy(CMSG_DATA(&control.header), &namespace, sizeof namespace);
            message.msg_control = control.room;
            message.msg_controllen = sizeof control.room;
        }
        if (!ready(connection, POLLOUT))
            fail(unavailable, "midonet-kube-node did not take the request in time; look at its Pod's log");
        ssize_t got = sendmsg(connection, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (got < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (got < 0)
            return;
        sent += (size_t)got;
    }
}

static struct text read_answer(int connection) {
    struct text answer = {0};
    for (;;) {
        reserve(&answer, 65536);
        if (!ready(connection, POLLIN))
            fail(unavailable, "midonet-kube-node did not answer in time; look at its Pod's log");
        ssize_t got = recv(connection, answer.bytes + answer.length, 65536, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return answer;
        answer.length += (size_t)got;
        if (answer.length > LARGEST)
            fail(IO_FAILURE, "the answer of midonet-kube-node is larger than %u bytes", LARGEST);
    }
}

/* A number of at most nine digits followed by `stop`; moves `at` behind it. */
static bool number(const char **at, const char *end, char stop, unsigned long *value) {
    *value = 0;
    const char *start = *at;
    while (*at < end && **at >= '0' && **at <= '9' && *at - start < 9)
        *value = *value * 10 + (unsigned long)(*(*at)++ - '0');
    return *at > start && *at < end && *(*at)++ == stop;
}

static int print_answer(const struct text *answer) {
    const char *at = answer->bytes, *end = at + answer->length;
    unsigned long protocol, status, length;
    if (answer->length == 0)
        fail(unavailable, "midonet-kube-node ended before it answered; it may be restarting");
    if (!number(&at, end, ' ', &protocol) || !number(&at, end, ' ', &status) || !number(&at, end, '\n', &length))
        fail(unavailable, "what answers on the socket is not midonet-kube-node, or it ended while it answered");
    if (protocol != PROTOCOL)
        fail(unavailable, "midonet-kube-node speaks protocol %lu, this plugin speaks %d: let the daemon install its own plugin", protocol, PROTOCOL);
    if ((size_t)(end - at) != length)
        fail(unavailable, "midonet-kube-node ended while it answered; it may be restarting");
    if (!print(at, length))
        return 1;
    return status == 0 ? 0 : 1;
}

int main(void) {
    const char *command = getenv("CNI_COMMAND");
    struct sockaddr_un address = {0};
    if (command == NULL || command[0] == '\0')
        fail(BAD_ENVIRONMENT, "CNI_COMMAND is not set: this program is run by a container runtime, see the CNI specification");
    unavailable = strcmp(command, "STATUS") == 0 ? NOT_AVAILABLE : TRY_AGAIN;
    set_deadline(DEFAULT_TIMEOUT);
    struct text configuration = read_standard_input();
    if (strcmp(command, "VERSION") == 0 && configuration.length == 0)
        answer_version();
    read_version(&configuration);
    if (strcmp(command, "VERSION") == 0)
        answer_version();
    read_socket(&configuration, &address);
    set_deadline(read_timeout(&configuration));
    int namespace = open_namespace(command);
    struct text line = request(&configuration);
    int connection = connect_to_daemon(&address);
    send_request(connection, &line, namespace);
    struct text answer = read_answer(connection);
    return print_answer(&answer);
}
