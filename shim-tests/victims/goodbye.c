/* A goodbye by hand, over a link between two machines: every recipe that has been
 * handed down, each written as it is told.
 *
 * goodbye RECIPE SECONDS fin|- (listen | ADDRESS PORT); with "fin" the peer's FIN is
 * waited for before the goodbye. Says when the goodbye began and when its close
 * returned, in nanoseconds of CLOCK_REALTIME; then, when its descriptors were looked
 * through and the connection was not among them, and whether for the first time.
 * It looks for itself: from outside a busy machine would see it late. */
#include "victim.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <sys/select.h>
#include <sys/stat.h>

static int seconds;

static long long now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void nothing(int fd) { (void)fd; }

static void shut_write(int fd) { must(shutdown(fd, SHUT_WR) == 0); }

static void shut_both(int fd) { must(shutdown(fd, SHUT_RDWR) == 0); }

static void select_readable(int fd)
{
	long long start = now();
	struct timeval patience = {.tv_sec = seconds};
	fd_set readable;
	FD_ZERO(&readable);
	FD_SET(fd, &readable);
	int ready = select(fd + 1, &readable, NULL, NULL, &patience);
	say("selected %d %lld", ready, now() - start);
}

static void shut_both_and_select(int fd)
{
	shut_both(fd);
	select_readable(fd);
}

static void shut_write_and_select(int fd)
{
	shut_write(fd);
	select_readable(fd);
}

static void shut_write_and_receive(int fd)
{
	char block[65536];
	struct timeval patience = {.tv_sec = seconds};
	must(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
	shut_write(fd);
	while (recv(fd, block, sizeof block, 0) > 0)
		;
}

static void set_linger(int fd, int on, int time)
{
	struct linger linger = {.l_onoff = on, .l_linger = time};
	must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
}

static void linger_off(int fd) { set_linger(fd, 0, 0); }

static void linger_zero(int fd) { set_linger(fd, 1, 0); }

static void linger_seconds(int fd) { set_linger(fd, 1, seconds); }

static const struct {
	const char *name;
	void (*act)(int fd);
} recipes[] = {
	{"close", nothing},
	{"shut-both", shut_both},
	{"shut-both-select", shut_both_and_select},
	{"shut-write-select", shut_write_and_select},
	{"shut-write-receive", shut_write_and_receive},
	{"linger-off", linger_off},
	{"linger-zero", linger_zero},
	{"linger", linger_seconds},
};

static int accepted(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	must(bind(listener, (struct sockaddr *)&any, sizeof any) == 0);
	must(listen(listener, 1) == 0);
	announce(listener);
	int fd = accept_one(listener);
	close(listener);
	return fd;
}

static int connected(const char *address, int port)
{
	struct sockaddr_in peer = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	must(inet_pton(AF_INET, address, &peer.sin_addr) == 1);
	must(connect(fd, (struct sockaddr *)&peer, sizeof peer) == 0);
	return fd;
}

static void await_fin(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};
	must(poll(&poll_fd, 1, -1) == 1);
}

static void say_goodbye(const char *recipe, int fd)
{
	for (size_t at = 0; at < sizeof recipes / sizeof *recipes; at++)
		if (!strcmp(recipes[at].name, recipe)) {
			long long began = now();
			recipes[at].act(fd);
			must(close(fd) == 0);
			say("closed %lld %lld", began, now());
			return;
		}
	must(!"such a recipe");
}

static int holds(ino_t socket)
{
	DIR *directory = opendir("/proc/self/fd");
	int found = 0;
	must(directory);
	for (struct dirent *entry; !found && (entry = readdir(directory));) {
		struct stat stat;
		found = !fstatat(dirfd(directory), entry->d_name, &stat, 0) && S_ISSOCK(stat.st_mode) && stat.st_ino == socket;
	}
	must(closedir(directory) == 0);
	return found;
}

static void await_let_go(ino_t socket)
{
	int looks = 1;
	for (; holds(socket); looks++)
		usleep(1000);
	say("gone %lld %d", now(), looks);
}

int main(int count, char **arguments)
{
	struct stat stat;
	must(count >= 5);
	at_most_a_minute();
	seconds = atoi(arguments[2]);
	int fd = count == 5 ? accepted() : connected(arguments[4], atoi(arguments[5]));
	size_t response = read_request(fd);
	must(fstat(fd, &stat) == 0);
	say("ready");
	hear();
	respond(fd, 0, response);
	if (!strcmp(arguments[3], "fin"))
		await_fin(fd);
	say_goodbye(arguments[1], fd);
	await_let_go(stat.st_ino);
	wait_for_the_end();
	return 0;
}
