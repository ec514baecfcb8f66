/* Everything that is not the last reference to a connected TCP socket: what
 * close answers, and what the other side sees of it. One transcript. */
#include "victim.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/un.h>

static const char *name_of(ssize_t result) { return result < 0 ? strerrorname_np(errno) : "ok"; }

static void try_close(const char *what, int fd)
{
	errno = 0;
	int result = close(fd);
	say("  close %s: %d %s", what, result, name_of(result));
	result = close(fd);
	say("  again: %d %s", result, name_of(result));
}

/* What poll and recv tell the other side. */
static void look_from(const char *what, int fd)
{
	char buffer[64];
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
	int ready = poll(&poll_fd, 1, 5000);
	say("  %s: poll %d events %#x", what, ready, poll_fd.revents);
	for (int turn = 0; turn < 2; turn++) {
		ssize_t count = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
		say("  %s: recv %zd %s", what, count, name_of(count));
	}
}

static void write_from(const char *what, int fd)
{
	for (int turn = 0; turn < 2; turn++) {
		ssize_t count = send(fd, "x", 1, MSG_NOSIGNAL);
		say("  %s: send %zd %s", what, count, name_of(count));
	}
}

static void files(void)
{
	char content[8] = "";
	say("file");
	int fd = memfd_create("content", 0), copy = dup(fd);
	must(write(fd, "content", 7) == 7);
	try_close("memfd", fd);
	say("  kept copy: %zd %s", pread(copy, content, 7, 0), content);
	try_close("copy", copy);
	try_close("/dev/null", open("/dev/null", O_RDWR));
	try_close("directory", open("/", O_RDONLY | O_DIRECTORY));
	try_close("O_PATH", open("/", O_PATH));
}

static void pipes(void)
{
	int ends[2];
	say("pipe with unread data");
	must(pipe(ends) == 0 && write(ends[1], "unread", 6) == 6);
	try_close("read end", ends[0]);
	ssize_t count = write(ends[1], "x", 1);
	say("  write: %zd %s", count, name_of(count));
	try_close("write end", ends[1]);
}

static void udp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof address;
	int receiver = socket(AF_INET, SOCK_DGRAM, 0), sender = socket(AF_INET, SOCK_DGRAM, 0);
	say("UDP with unread data");
	must(bind(receiver, (struct sockaddr *)&address, length) == 0);
	must(getsockname(receiver, (struct sockaddr *)&address, &length) == 0);
	must(connect(sender, (struct sockaddr *)&address, length) == 0);
	must(send(sender, "unread", 6, 0) == 6);
	try_close("receiver", receiver);
	write_from("sender", sender);
	try_close("sender", sender);
}

static void unix_sockets(int type, const char *what)
{
	int pair[2];
	say("unix %s with unread data", what);
	must(socketpair(AF_UNIX, type, 0, pair) == 0);
	must(send(pair[0], "unread", 6, 0) == 6 && send(pair[1], "tail", 4, 0) == 4);
	try_close("one end", pair[1]);
	look_from("other end", pair[0]);
	write_from("other end", pair[0]);
	try_close("other end", pair[0]);
}

static void listeners(void)
{
	int listener = listener_for(AF_INET, 0), client = connect_to(port_of(listener));
	say("listener with a connection that nobody accepted");
	try_close("listener", listener);
	look_from("client", client);
	try_close("client", client);
	say("listener without");
	try_close("listener", listener_for(AF_INET6, 0));
}

static void unconnected(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	say("TCP that was never connected");
	try_close("new", socket(AF_INET, SOCK_STREAM, 0));
	int bound = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(bound, (struct sockaddr *)&address, sizeof address) == 0);
	try_close("bound", bound);
	int refused = socket(AF_INET, SOCK_STREAM, 0);
	address.sin_port = htons(1);
	int result = connect(refused, (struct sockaddr *)&address, sizeof address);
	say("  connect: %d %s", result, name_of(result));
	try_close("refused", refused);
	int mptcp = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (mptcp >= 0)
		try_close("MPTCP", mptcp);
}

/* SO_LINGER{1,0}: the program asks for a reset and gets one. */
static void lingering(int end)
{
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	int pair[2];
	say("SO_LINGER{1,0} on the %s end", end ? "accepted" : "connected");
	tcp_pair(pair);
	must(setsockopt(pair[end], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	must(write(pair[end], "tail", 4) == 4);
	try_close("end", pair[end]);
	look_from("other end", pair[!end]);
	write_from("other end", pair[!end]);
	try_close("other end", pair[!end]);
}

static void finished(int end)
{
	int pair[2];
	say("TCP shut down both ways, %s end", end ? "accepted" : "connected");
	tcp_pair(pair);
	must(write(pair[end], "tail", 4) == 4);
	must(shutdown(pair[end], SHUT_RDWR) == 0);
	try_close("end", pair[end]);
	look_from("other end", pair[!end]);
	try_close("other end", pair[!end]);
	say("TCP that was reset by its peer");
	struct linger reset = {.l_onoff = 1, .l_linger = 0};
	tcp_pair(pair);
	must(setsockopt(pair[!end], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
	try_close("other end", pair[!end]);
	try_close("end", pair[end]);
}

/* A copy is kept: this close is not the last, and the other side sees nothing. */
static void copied(void)
{
	int pair[2];
	say("TCP with a copy");
	tcp_pair(pair);
	int copy = dup(pair[1]);
	try_close("original", pair[1]);
	must(write(pair[0], "still", 5) == 5 && write(copy, "open", 4) == 4);
	look_from("copy", copy);
	look_from("other end", pair[0]);
	try_close("other end", pair[0]);
	look_from("copy", copy);
	try_close("copy", copy);
}

static void anonymous(void)
{
	int epoll = epoll_create1(0), event = eventfd(1, 0);
	struct epoll_event watched = {.events = EPOLLIN};
	say("anonymous inodes");
	must(epoll_ctl(epoll, EPOLL_CTL_ADD, event, &watched) == 0);
	say("  epoll_wait: %d", epoll_wait(epoll, &watched, 1, 0));
	try_close("eventfd", event);
	say("  epoll_wait: %d", epoll_wait(epoll, &watched, 1, 0));
	try_close("epoll", epoll);
	try_close("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	try_close("netlink", socket(AF_NETLINK, SOCK_RAW, 0));
}

static void terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	char byte;
	if (master < 0 || grantpt(master) || unlockpt(master))
		return say("no terminal");
	say("terminal");
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	must(slave >= 0);
	try_close("master", master);
	struct pollfd poll_fd = {.fd = slave, .events = POLLIN};
	int ready = poll(&poll_fd, 1, 5000);
	say("  slave: poll %d events %#x", ready, poll_fd.revents);
	ssize_t count = read(slave, &byte, 1);
	say("  slave: read %zd %s", count, name_of(count));
	try_close("slave", slave);
}

int main(void)
{
	at_most_a_minute();
	signal(SIGPIPE, SIG_IGN);
	files();
	pipes();
	udp();
	unix_sockets(SOCK_STREAM, "stream");
	unix_sockets(SOCK_SEQPACKET, "seqpacket");
	unix_sockets(SOCK_DGRAM, "datagram");
	listeners();
	unconnected();
	lingering(0);
	lingering(1);
	finished(0);
	finished(1);
	copied();
	anonymous();
	terminal();
	return 0;
}
