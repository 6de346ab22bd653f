/* An SMTP sink that is not the bottleneck: one thread, epoll, no copy of what it takes in.
 *
 *   sink PORT [EXTENSION…] [--rtt MILLISECONDS]
 *
 * Prints the port, answers every command with success, counts messages, and prints "messages bytes" at SIGTERM.
 * With --rtt every reply leaves so much later than its command came, as over a long line.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, OUT = 1 << 16, LATER = 4096, CLIENTS = 1024 };
enum mode { COMMAND, DATA, CHUNK };

struct later { double due; int length; char bytes[256]; };
struct client {
    int fd, used, out_used, head, tail, at_line;
    enum mode mode;
    long long chunk;
    char buffer[BUFFER], out[OUT];
    struct later later[LATER];
};

static struct client *clients[CLIENTS];
static char ehlo[1024];
static double rtt;
static unsigned long long messages, bytes;
static volatile sig_atomic_t over;

static void stop(int number) { (void)number; over = 1; }

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void say(struct client *c, const char *text) {
    int length = strlen(text);
    if (c->out_used + length <= OUT) {
        memcpy(c->out + c->out_used, text, length);
        c->out_used += length;
    }
}

static void flush(struct client *c) {
    if (!c->out_used) return;
    if (rtt > 0) {
        struct later *l = &c->later[c->tail++ % LATER];
        l->due = now() + rtt;
        l->length = c->out_used < 256 ? c->out_used : 256;
        memcpy(l->bytes, c->out, l->length);
    } else if (write(c->fd, c->out, c->out_used) < 0) {
        /* the client is gone; epoll will say so */
    }
    c->out_used = 0;
}

static void command(struct client *c, char *line) {
    if (!strncasecmp(line, "EHLO", 4)) say(c, ehlo);
    else if (!strncasecmp(line, "DATA", 4)) { c->mode = DATA; c->at_line = 1; say(c, "354 go on\r\n"); }
    else if (!strncasecmp(line, "BDAT", 4)) { c->mode = CHUNK; c->chunk = atoll(line + 5); }
    else if (!strncasecmp(line, "QUIT", 4)) say(c, "221 2.0.0 bye\r\n");
    else say(c, "250 2.0.0 ok\r\n");
}

/* As memmem for "\r\n.\r\n", at the speed of the memory: blocks without a dot that begins a line are passed over by
 * a loop that compilers make vectors of. */
static char *final_dot(char *from, int have) {
    enum { BLOCK = 512 };
    int at = 0;
    while (at + BLOCK < have) {
        unsigned char any = 0;
        for (int i = 0; i < BLOCK; i++) any |= (from[at + i] == '\n') & (from[at + i + 1] == '.');
        if (any) {
            int left = have - at, back = at ? 1 : 0;
            char *end = memmem(from + at - back, (left < BLOCK + 8 ? left : BLOCK + 8) + back, "\r\n.\r\n", 5);
            if (end) return end;
        }
        at += BLOCK;
    }
    at -= at ? 1 : 0;
    return memmem(from + at, have - at, "\r\n.\r\n", 5);
}

/* Returns how many bytes of the buffer were used up. */
static int step(struct client *c, char *from, int have) {
    if (c->mode == CHUNK) {
        int take = c->chunk < have ? (int)c->chunk : have;
        c->chunk -= take;
        if (c->chunk == 0) { c->mode = COMMAND; messages++; say(c, "250 2.0.0 taken\r\n"); }
        return take;
    }
    if (c->mode == DATA) {
        if (c->at_line && have < 3) return 0;
        if (c->at_line && !memcmp(from, ".\r\n", 3)) {
            c->mode = COMMAND; messages++; say(c, "250 2.0.0 taken\r\n");
            return 3;
        }
        char *end = final_dot(from, have);
        c->at_line = end != NULL;
        if (end) return end + 2 - from;
        return have > 4 ? have - 4 : 0;
    }
    char *end = memmem(from, have, "\r\n", 2);
    if (!end) return 0;
    *end = 0;
    command(c, from);
    return end + 2 - from;
}

static int take_in(struct client *c) {
    ssize_t got = read(c->fd, c->buffer + c->used, BUFFER - c->used);
    if (got <= 0) return got < 0 && errno == EAGAIN;
    bytes += got;
    c->used += got;
    int at = 0;
    while (at < c->used) {
        enum mode before = c->mode;
        int took = step(c, c->buffer + at, c->used - at);
        at += took;
        if (!took && before == c->mode) break;
    }
    memmove(c->buffer, c->buffer + at, c->used - at);
    c->used -= at;
    flush(c);
    return 1;
}

static int send_due(void) {
    double t = now(), next = t + 1;
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = clients[i];
        while (c && c->head != c->tail) {
            struct later *l = &c->later[c->head % LATER];
            if (l->due > t) { if (l->due < next) next = l->due; break; }
            if (write(c->fd, l->bytes, l->length) < 0) { /* gone */ }
            c->head++;
        }
    }
    int ms = (int)((next - t) * 1000);
    return ms < 1 ? 1 : ms;
}

int main(int count, char **words) {
    int port = atoi(words[1]), offers = 0;
    const char *given[16];
    for (int i = 2; i < count; i++) {
        if (!strcmp(words[i], "--rtt")) rtt = atof(words[++i]) / 1000;
        else if (offers < 16) given[offers++] = words[i];
    }
    strcpy(ehlo, offers ? "250-sink\r\n" : "250 sink\r\n");
    for (int i = 0; i < offers; i++) {
        strcat(ehlo, i == offers - 1 ? "250 " : "250-");
        strcat(strcat(ehlo, given[i]), "\r\n");
    }
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, poll = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    if (bind(listener, (struct sockaddr *)&here, size) || listen(listener, 256)) { perror("sink"); return 1; }
    getsockname(listener, (struct sockaddr *)&here, &size);
    printf("%d\n", ntohs(here.sin_port));
    fflush(stdout);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = -1}, found[64];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    while (!over) {
        int n = epoll_wait(poll, found, 64, rtt > 0 ? send_due() : -1);
        for (int i = 0; i < n; i++) {
            if (found[i].data.fd == -1) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), slot = 0;
                while (slot < CLIENTS && clients[slot]) slot++;
                if (fd < 0 || slot == CLIENTS) continue;
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                clients[slot] = calloc(1, sizeof(struct client));
                clients[slot]->fd = fd;
                event.data.fd = slot;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
                say(clients[slot], "220 sink ESMTP\r\n");
                flush(clients[slot]);
                continue;
            }
            struct client *c = clients[found[i].data.fd];
            if (c && !take_in(c)) {
                clients[found[i].data.fd] = NULL;
                close(c->fd);
                free(c);
            }
        }
    }
    printf("%llu %llu\n", messages, bytes);
    return 0;
}
