// The upstream of the benchmarks: an OpenAI-like server in one thread per process whose answers depend on the query.
//
//   upstream [--ports N] [--models M] [--copies K] [--per-core]
//
// Listens on N free ports of 127.0.0.1 and prints {"ports":[...]}. Each port is an endpoint of its own: it
// lists `bench-model` and those of M further models that fall to it; each of those is on K endpoints.
// With --per-core one process runs on each core that this one may use, and gets the connections from there.
// A POST is answered by its query:
//   (nothing)              chat completion, about 0.6 KB
//   events=E               stream of E events, then usage and [DONE]; one write per event
//   interval_us=U          time between events; 0 (default): as fast as the client reads
//   status=S               an error answer with this status
//   cut=C                  the connection is reset after C events
// Every event holds STAMP_MARK and the CLOCK_MONOTONIC nanoseconds of its write.
#include "common.h"

#define NO_TIMER SIZE_MAX

struct connection {
    int fd;
    unsigned endpoint;
    bool wants_write; // EPOLLOUT is asked for
    bool is_gone;
    struct connection *next_gone;
    // request
    char head[HEAD_MAX + 1];
    size_t head_length;
    uint64_t body_left;
    bool in_body;
    bool is_chunked;     // Olla's engine sends bodies so
    uint64_t chunk_size; // of the size line so far
    bool in_extension, is_last_chunk;
    // answer under way
    bool is_answering;
    uint64_t events_left, events_sent, cut_after, interval_ns, due_ns;
    size_t timer; // place in the heap
    // bytes the socket has not taken yet
    char *out;
    size_t out_length, out_offset, out_capacity;
};

static int epoll_fd, timer_fd;
static unsigned endpoint_count = 1, model_count = 0, copies = 1;

// Streams that wait for their next event: a binary heap by due time.
static struct connection **heap;
static size_t heap_size, heap_capacity;

static void heap_put(size_t at, struct connection *connection) {
    heap[at] = connection;
    connection->timer = at;
}

static void heap_up(size_t at) {
    struct connection *moving = heap[at];
    for (; at > 0 && heap[(at - 1) / 2]->due_ns > moving->due_ns; at = (at - 1) / 2) heap_put(at, heap[(at - 1) / 2]);
    heap_put(at, moving);
}

static void heap_down(size_t at) {
    struct connection *moving = heap[at];
    for (size_t child; (child = 2 * at + 1) < heap_size; at = child) {
        if (child + 1 < heap_size && heap[child + 1]->due_ns < heap[child]->due_ns) child++;
        if (heap[child]->due_ns >= moving->due_ns) break;
        heap_put(at, heap[child]);
    }
    heap_put(at, moving);
}

static void wait_until(struct connection *connection, uint64_t due_ns) {
    if (heap_size == heap_capacity) {
        heap_capacity = heap_capacity == 0 ? 256 : heap_capacity * 2;
        heap = allocate(heap, heap_capacity * sizeof *heap);
    }
    connection->due_ns = due_ns;
    heap_put(heap_size++, connection);
    heap_up(connection->timer);
}

static void wait_no_more(struct connection *connection) {
    size_t at = connection->timer;
    if (at == NO_TIMER) return;
    connection->timer = NO_TIMER;
    struct connection *last = heap[--heap_size];
    if (at == heap_size) return;
    heap_put(at, last);
    heap_up(at);
    heap_down(last->timer);
}

// Connections that closed while their events may still be in the batch of epoll are freed after it.
static struct connection *gone;

static void drop(struct connection *connection, bool reset) {
    if (connection->is_gone) return;
    connection->is_gone = true;
    wait_no_more(connection);
    if (reset) {
        struct linger linger = {.l_onoff = 1, .l_linger = 0};
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    }
    close(connection->fd);
    free(connection->out);
    connection->out = NULL;
    connection->next_gone = gone;
    gone = connection;
}

static void ask_for_writes(struct connection *connection, bool wanted) {
    if (connection->wants_write == wanted) return;
    connection->wants_write = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

// Sends now what the socket takes and keeps the rest. False: the connection has ended.
static bool put(struct connection *connection, const char *bytes, size_t length) {
    if (connection->out_length == connection->out_offset) {
        ssize_t sent = send(connection->fd, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            drop(connection, false);
            return false;
        }
        if (sent > 0) {
            bytes += sent;
            length -= (size_t)sent;
        }
        connection->out_length = connection->out_offset = 0;
    }
    if (length == 0) return true;
    if (connection->out_length + length > connection->out_capacity) {
        connection->out_capacity = (connection->out_length + length) * 2;
        connection->out = allocate(connection->out, connection->out_capacity);
    }
    memcpy(connection->out + connection->out_length, bytes, length);
    connection->out_length += length;
    ask_for_writes(connection, true);
    return true;
}

static bool is_blocked(const struct connection *connection) {
    return connection->out_length > connection->out_offset;
}

static void put_json(struct connection *connection, unsigned status, const char *json, size_t length) {
    char head[256];
    int head_length = snprintf(head, sizeof head,
                               "HTTP/1.1 %u %s\r\ndate: Wed, 25 Nov 2026 00:00:00 GMT\r\nserver: uvicorn\r\n"
                               "content-length: %zu\r\ncontent-type: application/json\r\n\r\n",
                               status, status == 200 ? "OK" : "Error", length);
    size_t total = (size_t)head_length + length;
    char *answer = allocate(NULL, total);
    memcpy(answer, head, (size_t)head_length);
    memcpy(answer + head_length, json, length);
    put(connection, answer, total);
    free(answer);
}

static void put_models(struct connection *connection) {
    size_t capacity = 256 + ((size_t)model_count * copies / endpoint_count + 2) * 128;
    char *json = allocate(NULL, capacity);
    size_t length = (size_t)snprintf(json, capacity,
                                     "{\"object\":\"list\",\"data\":[{\"id\":\"bench-model\",\"object\":\"model\","
                                     "\"owned_by\":\"vllm\",\"max_model_len\":32768}");
    for (unsigned model = 0; model < model_count; model++) {
        bool is_here = false;
        for (unsigned copy = 0; copy < copies; copy++)
            is_here = is_here || (model * copies + copy) % endpoint_count == connection->endpoint;
        if (!is_here || length + 160 > capacity) continue;
        length += (size_t)snprintf(json + length, capacity - length,
                                   ",{\"id\":\"org-%u/model-%u-7b\",\"object\":\"model\",\"owned_by\":\"vllm\","
                                   "\"max_model_len\":32768}",
                                   model % 50, model);
    }
    length += (size_t)snprintf(json + length, capacity - length, "]}");
    put_json(connection, 200, json, length);
    free(json);
}

static const char completion[] =
    "{\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion\",\"created\":1795564800,"
    "\"model\":\"bench-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\""
    "The quick brown fox jumps over the lazy dog, and then it sits down to think about what it has done. "
    "The dog, which has not moved, thinks about it too. Neither comes to a conclusion before the evening, "
    "when both go home by different ways and sleep well.\",\"tool_calls\":[]},\"logprobs\":null,"
    "\"finish_reason\":\"stop\",\"stop_reason\":null}],\"usage\":{\"prompt_tokens\":211,\"total_tokens\":275,"
    "\"completion_tokens\":64,\"prompt_tokens_details\":null},\"prompt_logprobs\":null}";

static const char stream_head[] =
    "HTTP/1.1 200 OK\r\ndate: Wed, 25 Nov 2026 00:00:00 GMT\r\nserver: uvicorn\r\ncache-control: no-cache\r\n"
    "content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";

#define EVENT_START                                                                                                    \
    "data: {\"id\":\"chatcmpl-0123456789abcdef\",\"object\":\"chat.completion.chunk\",\"created\":1795564800,"         \
    "\"model\":\"bench-model\",\"choices\":["

static int frame(char *chunk, size_t capacity, const char *payload, int length) {
    return snprintf(chunk, capacity, "%x\r\n%.*s\r\n", (unsigned)length, length, payload);
}

static bool put_event(struct connection *connection) {
    char payload[512], chunk[600];
    int length = snprintf(payload, sizeof payload,
                          EVENT_START "{\"index\":0,\"delta\":{\"content\":\"%c%0*llu\"},\"logprobs\":null,"
                                      "\"finish_reason\":null}]}\n\n",
                          STAMP_MARK, STAMP_DIGITS, (unsigned long long)now_ns());
    return put(connection, chunk, (size_t)frame(chunk, sizeof chunk, payload, length));
}

static bool put_stream_end(struct connection *connection) {
    static const char payload[] = EVENT_START "],\"usage\":{\"prompt_tokens\":211,\"total_tokens\":261,"
                                              "\"completion_tokens\":50}}\n\ndata: [DONE]\n\n";
    char chunk[600];
    int length = frame(chunk, sizeof chunk - 5, payload, (int)sizeof payload - 1);
    memcpy(chunk + length, "0\r\n\r\n", 5);
    return put(connection, chunk, (size_t)length + 5);
}

// Writes what is due of a stream and says when to come back.
static void advance(struct connection *connection) {
    for (;;) {
        if (connection->cut_after > 0 && connection->events_sent == connection->cut_after) {
            drop(connection, true);
            return;
        }
        if (connection->events_left == 0) {
            connection->is_answering = false;
            put_stream_end(connection);
            return;
        }
        connection->events_left--;
        connection->events_sent++;
        if (!put_event(connection)) return;
        if (connection->interval_ns > 0) {
            if (connection->events_left > 0) {
                wait_until(connection, connection->due_ns + connection->interval_ns);
                return;
            }
        } else if (is_blocked(connection)) {
            return; // goes on when the socket has taken it
        }
    }
}

static uint64_t query_number(const char *target, const char *name) {
    const char *found = strstr(target, name);
    return found == NULL ? 0 : strtoull(found + strlen(name), NULL, 10);
}

static void answer(struct connection *connection) {
    char *line_end = strstr(connection->head, "\r\n");
    if (line_end == NULL) return;
    *line_end = '\0';
    const char *target = connection->head;
    if (strncmp(target, "POST ", 5) != 0) {
        const char *path_end = strrchr(target, ' ');
        bool lists = path_end != NULL && path_end - target >= 7 && memcmp(path_end - 7, "/models", 7) == 0;
        if (lists) put_models(connection);
        else put_json(connection, 200, "{}", 2);
        return;
    }
    uint64_t status = query_number(target, "status=");
    connection->events_left = query_number(target, "events=");
    if (status >= 400 && status <= 599) {
        static const char json[] = "{\"error\":{\"message\":\"as asked\",\"type\":\"server_error\",\"code\":null}}";
        put_json(connection, (unsigned)status, json, sizeof json - 1);
    } else if (connection->events_left == 0) {
        put_json(connection, 200, completion, sizeof completion - 1);
    } else {
        connection->is_answering = true;
        connection->events_sent = 0;
        connection->cut_after = query_number(target, "cut=");
        connection->interval_ns = query_number(target, "interval_us=") * 1000;
        connection->due_ns = now_ns();
        if (!put(connection, stream_head, sizeof stream_head - 1)) return;
        if (connection->interval_ns == 0) advance(connection);
        else wait_until(connection, connection->due_ns + connection->interval_ns);
    }
}

// Takes a byte of a chunk's size line. The chunk, or the end of the last one, then counts as the rest of the body with the
// line break behind it. Trailers are not supported.
static void take_size_byte(struct connection *connection, char byte) {
    if (byte == '\n') {
        connection->body_left = connection->chunk_size + 2;
        connection->is_last_chunk = connection->chunk_size == 0;
        connection->chunk_size = 0;
        connection->in_extension = false;
    } else if (byte == ';') {
        connection->in_extension = true;
    } else if (!connection->in_extension && byte != '\r') {
        unsigned digit = byte <= '9' ? (unsigned)(byte - '0') : ((unsigned)byte | 32) - 'a' + 10;
        connection->chunk_size = connection->chunk_size * 16 + (digit & 15);
    }
}

// Takes received bytes; answers when a request is complete. One request at a time per connection.
static void receive(struct connection *connection, const char *bytes, size_t length) {
    while (length > 0 && !connection->is_gone) {
        if (connection->in_body && connection->is_chunked && connection->body_left == 0) {
            take_size_byte(connection, *bytes++);
            length--;
        } else if (connection->in_body) {
            uint64_t taken = length < connection->body_left ? length : connection->body_left;
            connection->body_left -= taken;
            bytes += taken;
            length -= (size_t)taken;
        } else {
            if (connection->head_length == HEAD_MAX) {
                drop(connection, true);
                return;
            }
            // Byte by byte at the seam only: the head rarely arrives in several chunks.
            size_t room = HEAD_MAX - connection->head_length, taken = length < room ? length : room;
            size_t seam = connection->head_length > 3 ? connection->head_length - 3 : 0;
            memcpy(connection->head + connection->head_length, bytes, taken);
            connection->head[connection->head_length + taken] = '\0';
            char *end = strstr(connection->head + seam, "\r\n\r\n");
            if (end == NULL) {
                connection->head_length += taken;
                bytes += taken;
                length -= taken;
                continue;
            }
            size_t head_length = (size_t)(end - connection->head) + 4;
            size_t used = head_length - connection->head_length;
            bytes += used;
            length -= used;
            connection->head[head_length] = '\0';
            const char *announced = header_value(connection->head, "content-length:");
            connection->is_chunked = header_value(connection->head, "transfer-encoding:") != NULL;
            connection->chunk_size = 0;
            connection->in_extension = connection->is_last_chunk = false;
            connection->body_left = announced == NULL || connection->is_chunked ? 0 : strtoull(announced, NULL, 10);
            connection->in_body = true;
        }
        bool is_complete = !connection->is_chunked || connection->is_last_chunk;
        if (connection->in_body && connection->body_left == 0 && is_complete) {
            connection->in_body = false;
            connection->head_length = 0;
            if (connection->is_answering) {
                drop(connection, true);
                return;
            }
            answer(connection);
        }
    }
}

static void read_from(struct connection *connection) {
    static char bytes[262144];
    ssize_t length = recv(connection->fd, bytes, sizeof bytes, 0);
    if (length > 0) receive(connection, bytes, (size_t)length);
    else if (length == 0 || (errno != EAGAIN && errno != EINTR)) drop(connection, false);
}

static void write_to(struct connection *connection) {
    if (is_blocked(connection)) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_offset,
                            connection->out_length - connection->out_offset, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN && errno != EINTR) drop(connection, false);
            return;
        }
        connection->out_offset += (size_t)sent;
        if (is_blocked(connection)) return;
    }
    connection->out_length = connection->out_offset = 0;
    ask_for_writes(connection, false);
    if (connection->is_answering && connection->interval_ns == 0) advance(connection);
}

struct listener {
    int fd, core;
    unsigned endpoint;
};

static void accept_all(const struct listener *listener) {
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        no_delay(fd);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) die("out of memory");
        connection->fd = fd;
        connection->endpoint = listener->endpoint;
        connection->timer = NO_TIMER;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
    }
}

#define ANY_CORE -1

// On a free port where `*port` is 0. Among the listeners of one port that of a connection's core gets it
// (SO_INCOMING_CPU, socket(7); Linux 6.2).
static int listen_on_loopback(uint16_t *port, int core) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (core != ANY_CORE && (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
                             setsockopt(fd, SOL_SOCKET, SO_INCOMING_CPU, &core, sizeof core) < 0))
        die("setsockopt: %s", strerror(errno));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        die("listen: %s", strerror(errno));
    *port = ntohs(address.sin_port);
    return fd;
}

int main(int count, char **arguments) {
    prepare_process();
    bool per_core = false;
    for (int at = 1; at < count; at++) {
        const char *name = arguments[at];
        if (strcmp(name, "--per-core") == 0) { per_core = true; continue; }
        if (++at == count) die("%s needs a value", name);
        uint64_t value = number(arguments[at], name);
        if (value > 100000) die("%s: at most 100000", name);
        if (strcmp(name, "--ports") == 0) endpoint_count = (unsigned)value;
        else if (strcmp(name, "--models") == 0) model_count = (unsigned)value;
        else if (strcmp(name, "--copies") == 0) copies = (unsigned)value;
        else die("unknown option %s", name);
    }
    if (endpoint_count == 0) die("--ports: at least 1");
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof cores, &cores) < 0) die("sched_getaffinity: %s", strerror(errno));
    int process_count = per_core ? CPU_COUNT(&cores) : 1;

    // Listeners are told from connections by their address range. All listen before a process is told apart.
    size_t listeners_bytes = endpoint_count * sizeof(struct listener);
    struct listener *all = allocate(NULL, (size_t)process_count * listeners_bytes), *listeners = all;
    uint16_t *ports = calloc(endpoint_count, sizeof *ports);
    if (ports == NULL) die("out of memory");
    for (int process = 0, core = -1; process < process_count; process++) {
        do core++;
        while (!CPU_ISSET(core, &cores));
        for (unsigned at = 0; at < endpoint_count; at++)
            all[(unsigned)process * endpoint_count + at] = (struct listener){
                .fd = listen_on_loopback(&ports[at], per_core ? core : ANY_CORE), .endpoint = at, .core = core};
    }
    for (int process = 1; process < process_count && listeners == all; process++) {
        pid_t child = fork();
        if (child < 0) die("fork: %s", strerror(errno));
        if (child > 0) continue;
        prepare_process();
        listeners = all + (unsigned)process * endpoint_count;
    }
    if (per_core) {
        CPU_ZERO(&cores);
        CPU_SET(listeners[0].core, &cores);
        if (sched_setaffinity(0, sizeof cores, &cores) < 0) die("sched_setaffinity: %s", strerror(errno));
    }
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1: %s", strerror(errno));
    timer_fd = new_timer(epoll_fd, &timer_fd);
    for (unsigned at = 0; at < endpoint_count; at++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &listeners[at]};
        if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[at].fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
        if (listeners == all) printf("%s%u", at == 0 ? "{\"ports\":[" : ",", ports[at]);
    }
    if (listeners == all) printf("]}\n");
    fflush(stdout);

    uint64_t armed_ns = UINT64_MAX;
    for (;;) {
        struct epoll_event events[256];
        uint64_t due_ns = heap_size > 0 ? heap[0]->due_ns : UINT64_MAX;
        if (due_ns != armed_ns) arm_timer(timer_fd, armed_ns = due_ns);
        int ready = epoll_wait(epoll_fd, events, 256, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
        for (int at = 0; at < ready; at++) {
            void *tag = events[at].data.ptr;
            if (tag == &timer_fd) continue;
            if ((struct listener *)tag >= listeners && (struct listener *)tag < listeners + endpoint_count) {
                accept_all(tag);
                continue;
            }
            struct connection *connection = tag;
            if (!connection->is_gone && (events[at].events & EPOLLOUT)) write_to(connection);
            if (!connection->is_gone && (events[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR))) read_from(connection);
        }
        uint64_t now = now_ns();
        while (heap_size > 0 && heap[0]->due_ns <= now) {
            struct connection *connection = heap[0];
            wait_no_more(connection);
            advance(connection);
        }
        while (gone != NULL) {
            struct connection *next = gone->next_gone;
            free(gone);
            gone = next;
        }
    }
}
