// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A program that keeps its books in files: ledger FOLDER [lists].
 *
 * It has one file open for appending and one that two descriptors share from
 * before its first move, and makes, holds, renames and removes others all the
 * time.  Whatever it reads must be what it has written.  With the second
 * argument it lists a folder, a few names per entry, again and again, which must
 * be all of them, once.  "entries N faults N" comes at the end, which SIGTERM
 * brings.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HELD		4	/* files that stay open for a while */
#define HOLD		16	/* entries */
#define SHELF		40	/* files in a folder that is listed */
#define APPENDED	9	/* bytes of an entry of the log */

/* As the kernel gives it. */
struct linux_dirent64 {
	unsigned long long inode;
	long long position;
	unsigned short length;
	unsigned char kind;
	char name[];
};

static volatile sig_atomic_t is_over;
static unsigned long entry, faults;
static int folder, held[HELD] = { -1, -1, -1, -1 };

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

static void wrong(const char *what, long got)
{
	if (faults++ < 20)
		printf("WRONG %s at entry %lu: %ld, errno %d\n", what, entry, got, errno);
	fflush(stdout);
}

static void expect(const char *what, long got, long expected)
{
	if (got != expected)
		wrong(what, got);
}

static void append(int log)
{
	char line[APPENDED + 1];

	snprintf(line, sizeof(line), "%08lu\n", entry);
	expect("append", write(log, line, APPENDED), APPENDED);
}

/* Written through one descriptor and read through another of the same open file. */
static void book(int one, int other)
{
	unsigned long read_back = 0;

	expect("position", lseek(other, 0, SEEK_CUR), entry * sizeof(entry));
	expect("write", write(entry % 2 ? one : other, &entry, sizeof(entry)), sizeof(entry));
	expect("pread", pread(one, &read_back, sizeof(read_back), entry * sizeof(entry)),
	       sizeof(read_back));
	expect("what was written", read_back, entry);
	if (entry) {
		expect("pread before", pread(other, &read_back, sizeof(read_back),
					     (entry - 1) * sizeof(entry)), sizeof(read_back));
		expect("the entry before", read_back, entry - 1);
	}
}

/* One that is open for some entries, wherever the process is meanwhile. */
static void hold(void)
{
	unsigned int slot = entry / HOLD % HELD;
	unsigned long first = 0;
	char name[32];

	if (entry % HOLD)
		return;
	snprintf(name, sizeof(name), "held-%u", slot);
	if (held[slot] >= 0) {
		expect("held position", lseek(held[slot], 0, SEEK_CUR), sizeof(first));
		expect("held", pread(held[slot], &first, sizeof(first), 0), sizeof(first));
		expect("held entry", first, entry - HELD * HOLD);
		close(held[slot]);
		expect("remove", unlinkat(folder, name, 0), 0);
	}
	held[slot] = openat(folder, name, O_CREAT | O_EXCL | O_RDWR, 0600);
	if (held[slot] < 0)
		wrong("open", held[slot]);
	expect("write held", write(held[slot], &entry, sizeof(entry)), sizeof(entry));
}

static void come_and_go(void)
{
	struct stat about = { 0 };
	int file = open("passing.new", O_CREAT | O_EXCL | O_WRONLY, 0640);

	if (file < 0) {
		wrong("make", file);
		return;
	}
	expect("fill", write(file, &entry, sizeof(entry)), sizeof(entry));
	close(file);
	expect("rename", rename("passing.new", "passing"), 0);
	expect("stat", stat("passing", &about), 0);
	expect("size", about.st_size, sizeof(entry));
	expect("mode", about.st_mode & 0777, 0640);
	expect("unlink", unlink("passing"), 0);
}

static int open_shelf(void)
{
	char name[32];
	int i, file;

	mkdir("shelf", 0700);
	for (i = 0; i < SHELF; i++) {
		snprintf(name, sizeof(name), "shelf/volume-%d", i);
		file = open(name, O_CREAT | O_WRONLY, 0600);
		if (file < 0)
			return file;
		close(file);
	}
	return open("shelf", O_RDONLY | O_DIRECTORY);
}

/* Some more names of it; at the end they must have been all. */
static void list(int shelf)
{
	static unsigned int names;
	char room[96];
	long got = syscall(SYS_getdents64, shelf, room, sizeof(room)), at = 0;

	if (got < 0)
		wrong("list", got);
	for (; at < got; names++)
		at += ((struct linux_dirent64 *)(room + at))->length;
	if (got)
		return;
	expect("names", names, SHELF + 2);
	names = 0;
	expect("list again", lseek(shelf, 0, SEEK_SET), 0);
}

int main(int argc, char **argv)
{
	struct timespec pause = { 0, 5000000 };
	struct stat about = { 0 };
	int log, one, other, shelf = -1;

	signal(SIGTERM, on_term);
	umask(0);
	if (argc < 2 || chdir(argv[1]))
		return 98;
	folder = open(".", O_RDONLY | O_DIRECTORY);
	log = open("log", O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	one = open("book", O_CREAT | O_TRUNC | O_RDWR, 0600);
	other = dup(one);
	if (argc > 2)
		shelf = open_shelf();
	if (folder < 0 || log < 0 || other < 0 || (argc > 2 && shelf < 0))
		return 98;
	for (entry = 0; !is_over; entry++) {
		append(log);
		book(one, other);
		hold();
		come_and_go();
		if (shelf >= 0)
			list(shelf);
		if (entry % HOLD == 0) {
			printf("tick %lu\n", entry);
			fflush(stdout);
		}
		nanosleep(&pause, NULL);
	}
	expect("fstat", fstat(log, &about), 0);
	expect("length of the log", about.st_size, entry * APPENDED);
	printf("entries %lu faults %lu\n", entry, faults);
	return entry && !faults ? 7 : 99;
}
