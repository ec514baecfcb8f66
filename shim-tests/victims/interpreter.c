/*
 * Proves nothing by itself: an actor does one act after the other, as its
 * director tells it (src/fuzz). What an act answers, errno, and every open
 * number afterwards go back to the director, which compares them with those of
 * the other run.
 *
 *     interpreter STAGE ACTOR
 */
#include "acts_beside.h"

struct act {
	const char *verb;
	long (*run)(const int *arguments);
};

static const struct act acts[] = {
	{"listen", do_listen}, {"port", do_port}, {"accept", do_accept}, {"connect", do_connect},
	{"socket", do_socket}, {"pair", do_pair}, {"pipe", do_pipe}, {"open", do_open},
	{"eventfd", do_eventfd}, {"epoll", do_epoll}, {"dup", do_dup}, {"dup2", do_dup2},
	{"dup3", do_dup3}, {"sysdup", do_sysdup}, {"sysdup2", do_sysdup2}, {"dupfd", do_dupfd},
	{"close", do_close}, {"sysclose", do_sysclose}, {"rawclose", do_rawclose},
	{"closerange", do_closerange}, {"sysrange", do_sysrange}, {"closefrom", do_closefrom},
	{"shutdown", do_shutdown}, {"linger", do_linger}, {"nonblock", do_nonblock},
	{"cloexec", do_cloexec}, {"write", do_write}, {"recv", do_recv}, {"read", do_read},
	{"poll", do_poll}, {"ctl", do_ctl}, {"wait", do_wait}, {"fdopen", do_fdopen},
	{"fwrite", do_fwrite}, {"fflush", do_fflush}, {"fclose", do_fclose}, {"popen", do_popen},
	{"pclose", do_pclose}, {"freopen", do_freopen}, {"scmsend", do_scmsend},
	{"scmrecv", do_scmrecv}, {"fork", do_fork}, {"thread", do_thread}, {"spawn", do_spawn},
	{"vspawn", do_vspawn}, {"system", do_system}, {"vfork", do_vfork}, {"exec", do_exec},
	{"reap", do_reap}, {"spawnon", do_spawnon}, {"rawepoll", do_rawepoll}, {"rawctl", do_rawctl},
	{"addclose", do_addclose}, {"jumpclose", do_jumpclose}, {"ring", do_ring}, {"submit", do_submit},
	{"map", do_map}, {"unix", do_unix}, {"scmtwo", do_scmtwo}, {"forkexec", do_forkexec},
	{"ringctl", do_ringctl},
};

static long run(struct slot *slot)
{
	for (size_t at = 0; at < sizeof acts / sizeof *acts; at++)
		if (!strcmp(acts[at].verb, slot->verb))
			return acts[at].run(slot->args);
	fprintf(stderr, "interpreter: no such verb: %s\n", slot->verb);
	_exit(98);
}

/* In the order of ENDINGS in src/fuzz/verb.rs; the last one is by return. */
static void end(int how, int status)
{
	switch (how) {
	case 0: exit(status);
	case 1: _exit(status);
	case 2: quick_exit(status);
	case 3: pthread_exit(NULL);
	case 4: syscall(SYS_exit_group, status); break;
	case 5: raise(SIGKILL); break;
	case 6: abort();
	}
}

/* Not the sign of any error of what is done here. */
#define UNTOUCHED 4001

/* Until the actor is told to return; then with what status. */
static int act(void)
{
	for (;;) {
		struct slot *slot = &slots[me];
		await_turn(slot);
		if (!strcmp(slot->verb, "end") || !strcmp(slot->verb, "leave")) {
			end(slot->args[0], slot->args[1]);
			return slot->args[1];
		}
		for (int at = 0; at < 2; at++)
			slot->numbers[at] = var[(unsigned)slot->args[at] % VARS];
		slot->event_count = 0;
		errno = UNTOUCHED;
		long value = run(slot);
		if (slot != &slots[me])
			continue; /* The child of a fork: it has a slot of its own. */
		slot->error = errno;
		slot->value = value;
		look_around(slot);
		finish_turn(slot);
	}
}

static long act_as(int actor)
{
	be_born(actor);
	return 0;
}

static void *act_in_thread(void *actor)
{
	be_born((intptr_t)actor);
	act();
	return NULL;
}

int main(int count, char **words)
{
	must(count == 3);
	at_most_a_minute();
	signal(SIGPIPE, SIG_IGN);
	program = words[0];
	stage_path = words[1];
	map_stage(stage_path);
	memcpy(var, slots[atoi(words[2])].vars, sizeof var);
	be_born(atoi(words[2]));
	return act();
}
