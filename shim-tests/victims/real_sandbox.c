/* A process puts itself into a sandbox like those of real servers, and in there does
 * what such a server does: reads a request, answers, opens in vain, closes, ends.
 *
 * real_sandbox LIKE FAILURE BY WHEN
 * LIKE     sshd (preauth: limits of zero first, some errors, the rest fails)
 *          vsftpd (prelogin: an allow list), strict (SECCOMP_MODE_STRICT)
 * FAILURE  kill, error: what becomes of any other call
 * BY       prctl, seccomp (through syscall), library (libseccomp)
 * WHEN     first (before any close), pending (a closed connection's peer is there)
 */
#include "filter.h"
#include "round_trip.h"
#include <dlfcn.h>
#include <sys/resource.h>

static const int like_sshd[] = {
	SYS_brk, SYS_clock_gettime, SYS_close, SYS_exit, SYS_exit_group, SYS_futex, SYS_geteuid, SYS_getpgid, SYS_getpid,
	SYS_getrandom, SYS_gettimeofday, SYS_getuid, SYS_madvise, SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep,
	SYS_clock_nanosleep, SYS_pselect6, SYS_read, SYS_rt_sigprocmask, SYS_shutdown, SYS_write,
#ifdef SYS_poll
	SYS_poll, SYS_select, SYS_time,
#endif
	-1,
};
static const int refused_by_sshd[] = {
	SYS_fstat, SYS_openat, SYS_newfstatat, SYS_shmget, SYS_shmat, SYS_shmdt,
#ifdef SYS_open
	SYS_lstat, SYS_open, SYS_stat,
#endif
	-1,
};
static const int like_vsftpd[] = {
	SYS_read, SYS_write, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_brk, SYS_rt_sigreturn, SYS_restart_syscall, SYS_close,
	SYS_exit_group, SYS_recvfrom, SYS_nanosleep, SYS_getpid, SYS_shutdown, SYS_fcntl, SYS_rt_sigaction,
#ifdef SYS_alarm
	SYS_alarm,
#endif
	-1,
};
static const int nothing[] = {-1};

static int is_sshd;

static void each(const int *numbers, void (*visit)(int, unsigned), unsigned action)
{
	for (; *numbers >= 0; numbers++)
		visit(*numbers, action);
}

static void rule_of_ours(int number, unsigned action) { rule(number, action); }

/* libseccomp, as far as it is needed: there may be no header of it. */
static void *library, *context;
static int (*add_to_library)(void *, uint32_t, int, unsigned, ...);

static void rule_of_library(int number, unsigned action) { must(add_to_library(context, action, number, 0) == 0); }

static void open_library(unsigned failure)
{
	library = dlopen("libseccomp.so.2", RTLD_NOW);
	if (!library) {
		errno = ENOENT;
		unsupported("libseccomp");
	}
	void *(*init)(uint32_t) = (void *(*)(uint32_t))dlsym(library, "seccomp_init");
	add_to_library = (int (*)(void *, uint32_t, int, unsigned, ...))dlsym(library, "seccomp_rule_add");
	must((context = init(failure)));
}

static void prepare(unsigned failure, int by_library)
{
	void (*visit)(int, unsigned) = by_library ? rule_of_library : rule_of_ours;
	by_library ? open_library(failure) : begin_filter();
	each(is_sshd ? refused_by_sshd : nothing, visit, SECCOMP_RET_ERRNO | EACCES);
	each(is_sshd ? like_sshd : like_vsftpd, visit, SECCOMP_RET_ALLOW);
	if (!by_library)
		end_filter(failure);
}

static void limit_to_nothing(void)
{
	struct rlimit zero = {0, 0};
	must(setrlimit(RLIMIT_FSIZE, &zero) == 0 && setrlimit(RLIMIT_NOFILE, &zero) == 0 && setrlimit(RLIMIT_NPROC, &zero) == 0);
}

static void enter(const char *by)
{
	if (is_sshd)
		limit_to_nothing();
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (!strcmp(by, "library"))
		must(((int (*)(void *))dlsym(library, "seccomp_load"))(context) == 0);
	else if (!strcmp(by, "seccomp"))
		must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0);
	else
		must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
}

static void serve(int conn, int spare)
{
	char request[4];
	must(read(conn, request, 4) == 4 && write(conn, "answer", 6) == 6);
	close(spare);
	if (is_sshd)
		must(open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES);
	else
		must(fcntl(conn, F_GETFL) >= 0);
	must(shutdown(conn, SHUT_WR) == 0 && close(conn) == 0);
	_exit(0);
}

static void serve_strictly(int conn)
{
	char request[4];
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	if (read(conn, request, 4) == 4)
		(void)!write(conn, "answer", 6);
	syscall(SYS_exit, 0);
}

static void child(char **arguments, int conn)
{
	int idle[2], is_strict = !strcmp(arguments[1], "strict");
	unsigned failure = !strcmp(arguments[2], "kill") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
	tcp_pair(idle);
	is_sshd = !strcmp(arguments[1], "sshd");
	if (!is_strict)
		prepare(failure, !strcmp(arguments[3], "library"));
	int spare = open("/dev/null", O_RDONLY);
	if (!strcmp(arguments[4], "pending"))
		must(close(idle[1]) == 0);
	if (is_strict)
		serve_strictly(conn);
	enter(arguments[3]);
	serve(conn, spare);
}

int main(int count, char **arguments)
{
	int pair[2];
	char answer[16];
	at_most_a_minute();
	must(count == 5);
	tcp_pair(pair);
	pid_t process = fork();
	if (process == 0) {
		close(pair[0]);
		child(arguments, pair[1]);
	}
	must(close(pair[1]) == 0 && write(pair[0], "help", 4) == 4);
	ssize_t length = recv(pair[0], answer, sizeof answer, MSG_WAITALL);
	say("the peer reads %zd", length);
	say_end_of("process", process);
	return 0;
}
