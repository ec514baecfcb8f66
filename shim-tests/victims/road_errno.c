/* What each road answers and leaves in errno, for connections, for files, and
 * for what is wrong. */
#include "road.h"

/* Not 0, and no error that any of these could give. */
#define PRESET 77

#define try(call) (errno = PRESET, result = (call), say("%s: %d, errno %d", #call, result, errno))

static int result, pair[2], file;
static FILE *stream;

static FILE *stream_over(int fd)
{
	FILE *opened = fdopen(fd, "r+");
	must(opened);
	return opened;
}

/* Fixed numbers: what is said is compared. */
static void connection_at(int number)
{
	tcp_pair(pair);
	must(dup2(pair[1], number) == number && close(pair[1]) == 0);
}

static void over_connections(void)
{
	connection_at(50);
	try(dup2(file, 50));
	try(close(50));
	connection_at(50);
	try(dup3(file, 50, O_CLOEXEC));
	try(fcntl(50, F_GETFD));
	try(close(50));
	connection_at(50);
	try(dup2_by_syscall(file, 50));
	connection_at(50);
	try(syscall(SYS_dup3, file, 50, 0));
	connection_at(50);
	try(dup2(pair[0], 50));
	try(close(50));
}

static void of_ranges(void)
{
	connection_at(50);
	try(close_range(50, 60, 0));
	try(close(50));
	connection_at(50);
	try(syscall(SYS_close_range, 50, 60, 0));
	try(close(50));
	connection_at(50);
	try((closefrom(50), 0));
	try(close(50));
	connection_at(50);
	try(syscall(SYS_close, 50));
	try(syscall(SYS_close, 50));
	try(close_range(50, ~0u, 0));
}

static void of_streams(void)
{
	connection_at(50);
	stream = stream_over(50);
	try(fclose(stream));
	try(close(50));
	connection_at(50);
	stream = stream_over(50);
	must(close(50) == 0);
	try(fclose(stream));
	connection_at(50);
	stream = stream_over(50);
	try(freopen("/dev/null", "r", stream) == stream);
	try(fileno(stream));
	try(fclose(stream));
	connection_at(50);
	stream = stream_over(50);
	try(freopen("/no/such/file", "r", stream) == NULL);
	try(close(50));
	connection_at(50);
	stream = stream_over(50);
	try(freopen(NULL, "w", stream) == NULL);
	try(close(50));
}

static void of_files(void)
{
	try(dup2(file, 60));
	try(dup3(file, 60, 0));
	try(close_range(60, 60, 0));
	try(close_range(60, 60, 0));
	try(syscall(SYS_close, 60));
}

int main(void)
{
	at_most_a_minute();
	file = null_file();
	over_connections();
	of_ranges();
	of_streams();
	of_files();
	return 0;
}
