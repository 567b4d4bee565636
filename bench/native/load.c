// The load generator of the benchmarks: HTTP/1.1 over keep-alive connections, in one thread.
//
//   load --port P --path PATH --body FILE [options]
//     --connections N      default 1
//     --milliseconds MS    length of the measured part; default 2,000
//     --warmup-ms MS       maximum time of the same load before it, not measured; default 0
//     --warmup-answers A   the warm-up ends after this many answers; default: with its time
//     --rate R             R requests a second at fixed times instead of one after the other
//     --stagger-us U       connections start U µs apart, so that streams do not beat in step
//     --leave-after E      the client closes the connection after E events
//     --hold               opens one request per connection and keeps them; see below
//     --any-status         answers other than 200 do not count as errors
//     --same-core          gives up, during the warm-up, connections whose server runs on another core than this one
//
// Warms up, waits until nothing is under way, prints `ready`, waits for a line on standard input, runs the
// measured part to the end of its last answer and prints one line of JSON. The CPU time that a process uses
// between `ready` and the JSON covers exactly the requests that the JSON counts.
// With --hold it prints `held` once every stream has received an event, then waits for a line and leaves.
#include "common.h"

enum phase { CLOSED, CONNECTING, IDLE, SENDING, HEAD, BODY_BY_LENGTH, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct connection {
    int fd;
    enum phase phase;
    bool wants_write;
    bool is_reused;   // has carried an answer before
    bool has_request; // a request is under way or waits for the connection
    uint64_t started_ns;
    size_t sent;
    char head[HEAD_MAX + 1];
    size_t head_length;
    unsigned status;
    uint64_t left;        // of the body or the chunk
    unsigned line_length; // of the size or trailer line that is being read
    bool closes;          // the answer says so
    int stamp_digits;     // read of a send time; -1 outside of one
    uint64_t stamp;
    uint64_t events;
};

// Keeps the last `SAMPLES_MAX` values.
#define SAMPLES_MAX (1u << 22)
struct samples {
    uint64_t *values;
    size_t count, capacity;
    uint64_t total;
};

static struct {
    uint16_t port;
    const char *path, *body_file;
    unsigned connections;
    uint64_t measured_ms, warmup_ms, warmup_answers, rate, stagger_us, leave_after;
    bool hold, any_status, same_core;
} options = {.connections = 1, .measured_ms = 2000, .warmup_answers = UINT64_MAX};

static int epoll_fd, timer_fd;
static struct connection *connections;
static char *request;
static size_t request_length;

static struct samples latencies, delays;
static uint64_t answers, bad_statuses, broken, reconnects, left_early, events, body_bytes, warmed;
static bool is_measuring;
static uint64_t phase_start_ns, phase_end_ns, last_answer_ns, arrivals, under_way, holding;

static void add_sample(struct samples *samples, uint64_t value) {
    if (!is_measuring) return;
    if (samples->count < SAMPLES_MAX) {
        if (samples->count == samples->capacity) {
            samples->capacity = samples->capacity == 0 ? 4096 : samples->capacity * 2;
            samples->values = allocate(samples->values, samples->capacity * sizeof *samples->values);
        }
        samples->values[samples->count++] = value;
    } else {
        samples->values[samples->total % SAMPLES_MAX] = value;
    }
    samples->total++;
}

static int compare(const void *one, const void *other) {
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return a < b ? -1 : a > b;
}

static void print_samples(const char *name, struct samples *samples) {
    qsort(samples->values, samples->count, sizeof *samples->values, compare);
    printf(",\"%s\":{\"count\":%llu", name, (unsigned long long)samples->total);
    static const struct {
        const char *name;
        double share;
    } marks[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"max", 1}};
    for (size_t at = 0; samples->count > 0 && at < sizeof marks / sizeof *marks; at++) {
        size_t rank = (size_t)(marks[at].share * (double)samples->count);
        if (rank >= samples->count) rank = samples->count - 1;
        printf(",\"%s\":%.1f", marks[at].name, (double)samples->values[rank] / 1000);
    }
    printf("}");
}

static void watch(struct connection *connection, bool writes) {
    if (connection->wants_write == writes) return;
    connection->wants_write = writes;
    struct epoll_event event = {.events = EPOLLIN | (writes ? EPOLLOUT : 0), .data.ptr = connection};
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, connection->fd, &event);
}

static void open_connection(struct connection *connection) {
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (connection->fd < 0) die("socket: %s", strerror(errno));
    no_delay(connection->fd);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        die("connect: %s", strerror(errno));
    connection->phase = CONNECTING;
    connection->is_reused = false;
    connection->wants_write = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) < 0) die("epoll_ctl: %s", strerror(errno));
}

static void close_connection(struct connection *connection) {
    close(connection->fd);
    connection->fd = -1;
    connection->phase = CLOSED;
}

static void send_request(struct connection *connection) {
    ssize_t sent = send(connection->fd, request + connection->sent, request_length - connection->sent, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return; // the read that follows tells
    if (sent > 0) connection->sent += (size_t)sent;
    connection->phase = connection->sent < request_length ? SENDING : HEAD;
    watch(connection, connection->phase == SENDING);
}

static void start(struct connection *connection, uint64_t started_ns) {
    connection->has_request = true;
    connection->started_ns = started_ns;
    connection->sent = 0;
    connection->head_length = 0;
    connection->events = 0;
    connection->stamp_digits = -1;
    connection->closes = false;
    under_way++;
    if (connection->phase == CLOSED) open_connection(connection);
    else send_request(connection);
}

static uint64_t arrival_ns(uint64_t arrival) {
    if (options.rate > 0) return phase_start_ns + arrival * NANOS / options.rate;
    return phase_start_ns + arrival * options.stagger_us * 1000;
}

// What follows an answer on this connection.
static void next(struct connection *connection) {
    if (options.hold) return;
    uint64_t now = now_ns();
    if (now >= phase_end_ns) return;
    if (options.rate == 0) {
        start(connection, now);
    } else if (arrival_ns(arrivals) <= now) {
        // The request waited for a connection: that counts.
        start(connection, arrival_ns(arrivals++));
    }
}

// Over loopback the kernel handles what is received on the core of its sender (SO_INCOMING_CPU, socket(7)).
static bool comes_from_here(const struct connection *connection) {
    int core = -1;
    socklen_t length = sizeof core;
    getsockopt(connection->fd, SOL_SOCKET, SO_INCOMING_CPU, &core, &length);
    return core == sched_getcpu();
}

static void finish(struct connection *connection) {
    if (options.hold) die("a stream that was to be held ended, with status %u", connection->status);
    uint64_t now = now_ns();
    add_sample(&latencies, now - connection->started_ns);
    if (is_measuring) {
        answers++;
        if (connection->status != 200) bad_statuses++;
    } else if (++warmed == options.warmup_answers) {
        phase_end_ns = now;
    }
    last_answer_ns = now;
    connection->has_request = false;
    connection->is_reused = true;
    under_way--;
    connection->phase = IDLE;
    bool is_given_up = options.same_core && !is_measuring && !comes_from_here(connection);
    if (connection->closes || is_given_up) close_connection(connection);
    next(connection);
}

static void lose(struct connection *connection) {
    bool had_request = connection->has_request;
    bool was_idle = connection->is_reused && connection->head_length == 0;
    close_connection(connection);
    if (!had_request) return;
    if (was_idle) {
        // The server closed a kept connection just as the request went out: again on a new one.
        if (is_measuring) reconnects++;
        connection->sent = 0;
        open_connection(connection);
        return;
    }
    if (options.hold) die("a stream that was to be held was broken off");
    if (is_measuring) broken++;
    connection->has_request = false;
    under_way--;
    next(connection);
}

static void count_event(struct connection *connection, uint64_t received_ns) {
    if (is_measuring) events++;
    if (connection->stamp <= received_ns) add_sample(&delays, received_ns - connection->stamp);
    if (connection->events++ == 0) holding++;
}

static void read_payload(struct connection *connection, const char *bytes, size_t length, uint64_t received_ns) {
    if (is_measuring) body_bytes += length;
    const char *end = bytes + length;
    while (bytes < end) {
        if (connection->stamp_digits < 0) {
            bytes = memchr(bytes, STAMP_MARK, (size_t)(end - bytes));
            if (bytes == NULL) return;
            bytes++;
            connection->stamp_digits = 0;
            connection->stamp = 0;
            continue;
        }
        if (*bytes < '0' || *bytes > '9') {
            connection->stamp_digits = -1;
            continue;
        }
        connection->stamp = connection->stamp * 10 + (uint64_t)(*bytes++ - '0');
        if (++connection->stamp_digits < STAMP_DIGITS) continue;
        connection->stamp_digits = -1;
        count_event(connection, received_ns);
    }
}

static void read_head_fields(struct connection *connection) {
    connection->status = 0;
    if (strncmp(connection->head, "HTTP/1.1 ", 9) == 0)
        connection->status = (unsigned)strtoul(connection->head + 9, NULL, 10);
    const char *length = header_value(connection->head, "content-length:");
    const char *coding = header_value(connection->head, "transfer-encoding:");
    const char *close = header_value(connection->head, "connection:");
    connection->closes = close != NULL && strncasecmp(close, "close", 5) == 0;
    connection->left = 0;
    connection->line_length = 0;
    if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) connection->phase = CHUNK_SIZE;
    else if (length != NULL) connection->left = strtoull(length, NULL, 10), connection->phase = BODY_BY_LENGTH;
    else die("an answer with neither length nor chunks:\n%s", connection->head);
}

static int hex_digit(char character) {
    if (character >= '0' && character <= '9') return character - '0';
    character |= 0x20;
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

// Reads an answer on; stops where it ends. Returns what was used.
static size_t read_some(struct connection *connection, const char *bytes, size_t length, uint64_t received_ns) {
    switch (connection->phase) {
    case HEAD: {
        if (connection->head_length == HEAD_MAX) die("a response head of more than %d bytes", HEAD_MAX);
        size_t room = HEAD_MAX - connection->head_length, taken = length < room ? length : room;
        size_t seam = connection->head_length > 3 ? connection->head_length - 3 : 0;
        memcpy(connection->head + connection->head_length, bytes, taken);
        connection->head[connection->head_length + taken] = '\0';
        char *end = strstr(connection->head + seam, "\r\n\r\n");
        if (end == NULL) {
            connection->head_length += taken;
            return taken;
        }
        size_t head_length = (size_t)(end - connection->head) + 4, used = head_length - connection->head_length;
        connection->head[head_length] = '\0';
        connection->head_length = head_length;
        read_head_fields(connection);
        if (connection->phase == BODY_BY_LENGTH && connection->left == 0) finish(connection);
        return used;
    }
    case BODY_BY_LENGTH:
    case CHUNK_DATA: {
        size_t taken = length < connection->left ? length : (size_t)connection->left;
        connection->left -= taken;
        bool is_over = connection->left == 0 && connection->phase == BODY_BY_LENGTH;
        if (connection->left == 0 && connection->phase == CHUNK_DATA) connection->phase = CHUNK_END;
        read_payload(connection, bytes, taken, received_ns);
        if (is_over) finish(connection);
        return taken;
    }
    case CHUNK_SIZE: {
        int digit = hex_digit(*bytes);
        if (digit >= 0) connection->left = connection->left * 16 + (unsigned)digit;
        if (*bytes == '\n') {
            connection->phase = connection->left == 0 ? TRAILER : CHUNK_DATA;
            connection->line_length = 0;
        }
        return 1;
    }
    case CHUNK_END:
        if (*bytes == '\n') connection->phase = CHUNK_SIZE;
        return 1;
    case TRAILER:
        if (*bytes == '\n' && connection->line_length == 0) finish(connection);
        else connection->line_length = *bytes == '\n' ? 0 : connection->line_length + (*bytes != '\r');
        return 1;
    default:
        die("bytes that belong to no answer");
    }
}

static void read_from(struct connection *connection) {
    static char bytes[262144];
    ssize_t received = recv(connection->fd, bytes, sizeof bytes, 0);
    if (received < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (received <= 0) {
        lose(connection);
        return;
    }
    uint64_t received_ns = now_ns();
    // An answer may end in the middle only if the server pipelines, which it cannot: one request at a time.
    for (size_t used = 0; used < (size_t)received;) {
        if (connection->phase == SENDING) connection->phase = HEAD; // answered before it had all of the body
        used += read_some(connection, bytes + used, (size_t)received - used, received_ns);
        if (options.leave_after > 0 && connection->events >= options.leave_after && connection->has_request) {
            if (is_measuring) left_early++;
            connection->has_request = false;
            under_way--;
            close_connection(connection);
            next(connection);
            return;
        }
    }
}

static void handle(struct connection *connection, uint32_t ready) {
    if (connection->phase == CLOSED) return;
    if (ready & EPOLLOUT) {
        if (connection->phase == CONNECTING) {
            int error = 0;
            socklen_t length = sizeof error;
            getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length);
            if (error != 0) die("connect: %s", strerror(error));
            send_request(connection);
        } else if (connection->phase == SENDING) {
            send_request(connection);
        }
    }
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_from(connection);
}

// Starts what is due now. With a rate any free connection serves; else each connection starts once.
static void start_due(uint64_t now) {
    static unsigned turn;
    uint64_t most = options.rate > 0 ? UINT64_MAX : options.connections;
    while (arrivals < most && now < phase_end_ns && arrival_ns(arrivals) <= now) {
        struct connection *free_one = NULL;
        for (unsigned tried = 0; tried < options.connections && free_one == NULL; tried++) {
            struct connection *candidate = &connections[turn++ % options.connections];
            if (!candidate->has_request) free_one = candidate;
        }
        if (free_one == NULL) return;
        arrivals++;
        // From now, not from the due time: the lateness of this timer is the load generator's own.
        start(free_one, now_ns());
    }
}

// Runs until the time is over and every answer is complete, or until all streams are held.
static void run_phase(uint64_t milliseconds) {
    phase_start_ns = now_ns();
    phase_end_ns = milliseconds == 0 ? UINT64_MAX : phase_start_ns + milliseconds * 1000000;
    arrivals = 0;
    uint64_t armed_ns = 0;
    for (;;) {
        uint64_t now = now_ns();
        start_due(now);
        if (options.hold ? holding >= options.connections : now >= phase_end_ns && under_way == 0) return;
        uint64_t most = options.rate > 0 ? UINT64_MAX : options.connections;
        uint64_t wake_ns = now < phase_end_ns ? phase_end_ns : UINT64_MAX;
        if (now < phase_end_ns && arrivals < most && arrival_ns(arrivals) > now && arrival_ns(arrivals) < wake_ns)
            wake_ns = arrival_ns(arrivals);
        if (wake_ns != armed_ns) arm_timer(timer_fd, armed_ns = wake_ns);
        struct epoll_event ready[256];
        int count = epoll_wait(epoll_fd, ready, 256, -1);
        if (count < 0 && errno != EINTR) die("epoll_wait: %s", strerror(errno));
        for (int at = 0; at < count; at++)
            if (ready[at].data.ptr != &timer_fd) handle(ready[at].data.ptr, ready[at].events);
    }
}

static void await_line(void) {
    char line[16];
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) exit(0);
}

// Reads the streams on while it waits for a line.
static void hold_until_line(void) {
    static int input_tag;
    struct epoll_event input = {.events = EPOLLIN, .data.ptr = &input_tag};
    fflush(stdout);
    arm_timer(timer_fd, UINT64_MAX);
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &input) < 0) die("standard input must be a pipe");
    for (;;) {
        struct epoll_event ready[256];
        int count = epoll_wait(epoll_fd, ready, 256, -1);
        for (int at = 0; at < count; at++) {
            if (ready[at].data.ptr == &input_tag) return;
            if (ready[at].data.ptr != &timer_fd) handle(ready[at].data.ptr, ready[at].events);
        }
    }
}

static void build_request(void) {
    FILE *file = fopen(options.body_file, "rb");
    if (file == NULL) die("%s: %s", options.body_file, strerror(errno));
    if (fseek(file, 0, SEEK_END) < 0) die("%s: %s", options.body_file, strerror(errno));
    long length = ftell(file);
    if (length < 0) die("%s: %s", options.body_file, strerror(errno));
    rewind(file);
    request = allocate(NULL, (size_t)length + 2048);
    int head = snprintf(request, 2048,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: application/json\r\n"
                        "Authorization: Bearer none\r\nUser-Agent: bench/1.0\r\nContent-Type: application/json\r\n"
                        "Content-Length: %ld\r\n\r\n",
                        options.path, options.port, length);
    if (head >= 2048) die("--path is too long");
    if (fread(request + head, 1, (size_t)length, file) != (size_t)length) die("%s: cannot read", options.body_file);
    fclose(file);
    request_length = (size_t)head + (size_t)length;
}

static void read_options(int count, char **arguments) {
    for (int at = 1; at < count; at++) {
        const char *name = arguments[at];
        if (strcmp(name, "--hold") == 0) { options.hold = true; continue; }
        if (strcmp(name, "--any-status") == 0) { options.any_status = true; continue; }
        if (strcmp(name, "--same-core") == 0) { options.same_core = true; continue; }
        if (++at == count) die("%s needs a value", name);
        if (strcmp(name, "--path") == 0) { options.path = arguments[at]; continue; }
        if (strcmp(name, "--body") == 0) { options.body_file = arguments[at]; continue; }
        uint64_t value = number(arguments[at], name);
        if (strcmp(name, "--port") == 0 && value <= UINT16_MAX) options.port = (uint16_t)value;
        else if (strcmp(name, "--connections") == 0 && value >= 1 && value <= 50000) options.connections = (unsigned)value;
        else if (strcmp(name, "--milliseconds") == 0) options.measured_ms = value;
        else if (strcmp(name, "--warmup-ms") == 0) options.warmup_ms = value;
        else if (strcmp(name, "--warmup-answers") == 0) options.warmup_answers = value;
        else if (strcmp(name, "--rate") == 0) options.rate = value;
        else if (strcmp(name, "--stagger-us") == 0) options.stagger_us = value;
        else if (strcmp(name, "--leave-after") == 0) options.leave_after = value;
        else die("not an option, or out of range: %s %s", name, arguments[at]);
    }
    if (options.port == 0 || options.path == NULL || options.body_file == NULL) die("needs --port, --path and --body");
}

static uint64_t cpu_micros(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int main(int count, char **arguments) {
    prepare_process();
    read_options(count, arguments);
    build_request();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("epoll_create1: %s", strerror(errno));
    timer_fd = new_timer(epoll_fd, &timer_fd);
    connections = calloc(options.connections, sizeof *connections);
    if (connections == NULL) die("out of memory");
    for (unsigned at = 0; at < options.connections; at++) connections[at].fd = -1;

    uint64_t start_ns, cpu_before = 0;
    if (options.hold) {
        is_measuring = true;
        start_ns = now_ns();
        run_phase(0);
        printf("held\n");
        hold_until_line();
        last_answer_ns = now_ns();
    } else {
        if (options.warmup_ms > 0) run_phase(options.warmup_ms);
        printf("ready\n");
        await_line();
        is_measuring = true;
        cpu_before = cpu_micros();
        start_ns = last_answer_ns = now_ns();
        run_phase(options.measured_ms);
    }
    printf("{\"answers\":%llu,\"badStatuses\":%llu,\"broken\":%llu,\"reconnects\":%llu,\"left\":%llu,\"events\":%llu,"
           "\"bodyBytes\":%llu,\"seconds\":%.6f,\"cpuMicros\":%llu",
           (unsigned long long)answers, (unsigned long long)bad_statuses, (unsigned long long)broken,
           (unsigned long long)reconnects, (unsigned long long)left_early, (unsigned long long)events,
           (unsigned long long)body_bytes, (double)(last_answer_ns - start_ns) / NANOS,
           (unsigned long long)(cpu_micros() - cpu_before));
    print_samples("latencyMicros", &latencies);
    print_samples("delayMicros", &delays);
    printf("}\n");
    if (bad_statuses + broken > 0 && !options.any_status) {
        fflush(stdout);
        die("%llu answers were not 200, %llu broke off", (unsigned long long)bad_statuses, (unsigned long long)broken);
    }
    return 0;
}
