/*
 * A process that keeps whoever looks at its memory waiting, for as long as it likes: it maps a file of a file system
 * that does not answer, and holds the lock of its memory (mmap_lock) meanwhile. The file system is its parent's. Any
 * user can do this in a user namespace; here root mounts it.
 *
 * Arguments: an empty directory, a library. It says the pid of the process.
 */
#include "victim.h"
#include <linux/fuse.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>

enum { PAGE = 4096, ROOT = FUSE_ROOT_ID, FILE_ID };

static void answer(int device, uint64_t question, int error, const void *body, size_t size)
{
	char message[PAGE];
	struct fuse_out_header head = { .len = sizeof head + size, .error = error, .unique = question };
	memcpy(message, &head, sizeof head);
	if (size)
		memcpy(message + sizeof head, body, size);
	must(write(device, message, head.len) == head.len);
}

static struct fuse_attr attributes(uint64_t id)
{
	mode_t mode = id == ROOT ? S_IFDIR | 0755 : S_IFREG | 0666;
	return (struct fuse_attr){ .ino = id, .mode = mode, .nlink = 1, .size = PAGE, .blksize = PAGE };
}

/* Answers all questions but that what was stored be written. */
static void serve(int device)
{
	static char question[1 << 20], zeroes[PAGE - sizeof(struct fuse_out_header)];
	int opened = 0;
	for (;;) {
		must(read(device, question, sizeof question) > 0);
		struct fuse_in_header *head = (void *)question;
		struct fuse_init_out ours = { .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = PAGE };
		struct fuse_entry_out entry = { .nodeid = FILE_ID, .attr_valid = 60, .entry_valid = 60 };
		struct fuse_attr_out found = { .attr_valid = 60, .attr = attributes(head->nodeid) };
		struct fuse_open_out file = { .open_flags = FOPEN_KEEP_CACHE };
		entry.attr = attributes(FILE_ID);
		switch (head->opcode) {
		case FUSE_INIT: answer(device, head->unique, 0, &ours, sizeof ours); break;
		case FUSE_LOOKUP: answer(device, head->unique, 0, &entry, sizeof entry); break;
		case FUSE_GETATTR: answer(device, head->unique, 0, &found, sizeof found); break;
		case FUSE_READ: answer(device, head->unique, 0, zeroes, sizeof zeroes); break;
		case FUSE_OPEN:
			/* The second time it is not to be cached: what is in the cache must be written at the mmap. */
			file.open_flags |= opened++ ? FOPEN_DIRECT_IO : 0;
			answer(device, head->unique, 0, &file, sizeof file);
			break;
		case FUSE_WRITE: return;
		default: answer(device, head->unique, -ENOSYS, 0, 0);
		}
	}
}

static void keep_waiting(const char *directory, const char *library)
{
	int loaded = open(library, O_RDONLY);
	void *place = mmap(0, PAGE, PROT_READ, MAP_PRIVATE, loaded, 0);
	must(loaded >= 0 && place != MAP_FAILED);
	must(mmap(0, PAGE, PROT_READ, MAP_PRIVATE, loaded, PAGE) != MAP_FAILED);
	must(chdir(directory) == 0);
	int cached = open("file", O_RDWR);
	char *stored = mmap(0, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cached, 0);
	must(cached >= 0 && stored != MAP_FAILED);
	stored[0] = 1;
	mmap(place, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, open("file", O_RDWR), 0);
	_exit(0);
}

int main(int count, char **words)
{
	must(count == 3);
	at_most_a_minute();
	int device = open("/dev/fuse", O_RDWR);
	char options[64];
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0", device);
	if (device < 0 || unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) ||
	    mount("none", words[1], "fuse", MS_NOSUID | MS_NODEV, options)) {
		say("unsupported: no file system of our own: %s", strerror(errno));
		return 0;
	}
	pid_t child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(device);
		keep_waiting(words[1], words[2]);
	}
	serve(device);
	say("%d", (int)child);
	char byte;
	while (read(0, &byte, 1) > 0) {
	}
	return 0;
}
