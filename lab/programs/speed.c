// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How fast files are, and the network below them.
 *
 *	speed serve PORT		the other end of the next two
 *	speed tcp ADDRESS PORT MIB	a stream, and one with TLS in the kernel, in MiB/s
 *	speed ping ADDRESS PORT COUNT	a round trip of one byte, in microseconds: the one in the middle
 *	speed stream FOLDER MIB		1 MiB after the other, written and read, in MiB/s
 *	speed random FOLDER COUNT	4 KiB here and there in the file of stream, in calls per second
 *	speed names FOLDER COUNT	files made, found, opened, renamed, removed, per second
 *	speed calls FOLDER COUNT [GO]	single operations on what no cache has, the same way
 *
 * Each figure is a line NAME NUMBER.  What is written counts when it is home,
 * by fsync(); what is read, this machine has forgotten before.  With GO, calls
 * says "ready" when it has prepared everything and goes on when that file is
 * there: descriptors and names of before can be those of another place then.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

#define BLOCK		(1UL << 20)
#define PAGE		4096UL
#define ENTRIES		40	/* of the folder that is listed */
#define SINGLE		64UL	/* most calls of one kind that are looked at one by one */

static uint64_t block[BLOCK / sizeof(uint64_t)];

static void fault(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(2);
}

static long expect(long result, const char *what)
{
	if (result < 0)
		fault(what);
	return result;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void report(const char *name, double number)
{
	printf("%s %.1f\n", name, number);
	fflush(stdout);
}

static int compare(const void *left, const void *right)
{
	double difference = *(const double *)left - *(const double *)right;

	return (difference > 0) - (difference < 0);
}

/* What is in the middle is not touched by what else the machine did meanwhile. */
static double middle(double *times, unsigned long count)
{
	qsort(times, count, sizeof(*times), compare);
	return times[count / 2];
}

static void transfer(int fd, int writing, char *data, size_t length)
{
	while (length) {
		ssize_t part = writing ? write(fd, data, length) : read(fd, data, length);

		if (part <= 0)
			fault(writing ? "write" : "read");
		data += part;
		length -= part;
	}
}

/* The network */

/* Its secrecy is of no concern, its cost is. */
static void encrypt(int sock, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 keys = {
		.info = { .version = TLS_1_3_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.key = "key of 16 bytes",
		.salt = "nat",
		.iv = "8 bytes",
	};

	expect(setsockopt(sock, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")), "TLS");
	expect(setsockopt(sock, SOL_TLS, direction, &keys, sizeof(keys)), "keys of TLS");
}

static void answer(int sock)
{
	ssize_t got;
	char kind;

	transfer(sock, 0, &kind, 1);
	if (kind == 't')
		encrypt(sock, TLS_RX);
	if (kind == 'p') {
		while (read(sock, &kind, 1) == 1)
			transfer(sock, 1, &kind, 1);
		return;
	}
	/* The last block is marked. */
	do {
		size_t length = 0;

		while (length < BLOCK) {
			got = read(sock, (char *)block + length, BLOCK - length);
			if (got <= 0)
				return;
			length += got;
		}
	} while (!block[0]);
	transfer(sock, 1, &kind, 1);
}

static void serve(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	expect(bind(listener, (struct sockaddr *)&address, sizeof(address)), "bind");
	expect(listen(listener, 5), "listen");
	for (;;) {
		int sock = expect(accept(listener, NULL, NULL), "accept");

		setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		answer(sock);
		close(sock);
	}
}

static int reach(const char *where, int port, char kind)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int sock = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	inet_pton(AF_INET, where, &address.sin_addr);
	expect(connect(sock, (struct sockaddr *)&address, sizeof(address)), "connect");
	setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	transfer(sock, 1, &kind, 1);
	if (kind == 't')
		encrypt(sock, TLS_TX);
	return sock;
}

static void tcp(const char *where, int port, unsigned long mib, char kind)
{
	int sock = reach(where, port, kind);
	double begin = now();
	unsigned long i;

	for (i = 0; i < mib; i++) {
		block[0] = i + 1 == mib;
		transfer(sock, 1, (char *)block, BLOCK);
	}
	transfer(sock, 0, &kind, 1);
	report(kind == 't' ? "tls" : "tcp", mib / (now() - begin));
	close(sock);
}

static void ping(const char *where, int port, unsigned long count)
{
	int sock = reach(where, port, 'p');
	double times[SINGLE], begin;
	unsigned long i;
	char byte = 0;

	if (count > SINGLE)
		count = SINGLE;
	for (i = 0; i < count; i++) {
		begin = now();
		transfer(sock, 1, &byte, 1);
		transfer(sock, 0, &byte, 1);
		times[i] = now() - begin;
	}
	report("ping", middle(times, count) * 1e6);
	close(sock);
}

/* Files */

static void forget(void)
{
	int fd;

	sync();
	fd = expect(open("/proc/sys/vm/drop_caches", O_WRONLY), "drop_caches");
	expect(write(fd, "3", 1), "drop_caches");
	close(fd);
}

static void stream(unsigned long mib)
{
	int fd = expect(open("stream", O_RDWR | O_CREAT | O_TRUNC, 0600), "stream");
	double begin = now();
	unsigned long i;

	for (i = 0; i < mib; i++) {
		block[0] = i;
		transfer(fd, 1, (char *)block, BLOCK);
	}
	expect(fsync(fd), "fsync");
	close(fd);
	report("write", mib / (now() - begin));
	forget();
	fd = expect(open("stream", O_RDONLY), "stream");
	begin = now();
	for (i = 0; i < mib; i++) {
		transfer(fd, 0, (char *)block, BLOCK);
		if (block[0] != i) {
			fprintf(stderr, "MiB %lu is another one\n", i);
			exit(1);
		}
	}
	report("read", mib / (now() - begin));
	close(fd);
}

static off_t somewhere(unsigned long i, off_t size)
{
	return (i * 7919 + 13) % (size / PAGE) * PAGE;
}

static void at_random(unsigned long count)
{
	int fd = expect(open("stream", O_RDWR), "stream");
	off_t size = lseek(fd, 0, SEEK_END);
	unsigned long i;
	double begin;

	forget();
	begin = now();
	for (i = 0; i < count; i++)
		if (pread(fd, block, PAGE, somewhere(i, size)) != (ssize_t)PAGE)
			fault("pread");
	report("random-read", count / (now() - begin));
	forget();
	begin = now();
	for (i = 0; i < count; i++)
		if (pwrite(fd, block, PAGE, somewhere(i, size)) != (ssize_t)PAGE)
			fault("pwrite");
	expect(fsync(fd), "fsync");
	report("random-write", count / (now() - begin));
	begin = now();
	for (i = 0; i < count / 4; i++) {
		if (pwrite(fd, block, PAGE, somewhere(i, size)) != (ssize_t)PAGE)
			fault("pwrite");
		expect(fdatasync(fd), "fdatasync");
	}
	report("random-write-sync", count / 4 / (now() - begin));
	close(fd);
}

static const char *numbered(const char *word, unsigned long i)
{
	static char names[2][64];
	static int turn;

	turn = !turn;
	snprintf(names[turn], sizeof(names[turn]), "%s%lu", word, i);
	return names[turn];
}

static int make(const char *name)
{
	return expect(open(name, O_RDWR | O_CREAT | O_EXCL, 0600), name);
}

static void list(const char *name, unsigned long count)
{
	DIR *folder = opendir(name);

	if (!folder)
		fault(name);
	/* And the two dots. */
	for (count += 2; readdir(folder); count--)
		;
	closedir(folder);
	if (count) {
		fprintf(stderr, "%s has another number of entries\n", name);
		exit(1);
	}
}

static void names(unsigned long count)
{
	struct stat stat;
	unsigned long i;
	double begin;

	expect(mkdir("names", 0700), "names");
	expect(chdir("names"), "names");
	begin = now();
	for (i = 0; i < count; i++)
		close(make(numbered("file", i)));
	report("create", count / (now() - begin));
	forget();
	begin = now();
	for (i = 0; i < count; i++)
		expect(lstat(numbered("file", i), &stat), "stat");
	report("stat", count / (now() - begin));
	forget();
	begin = now();
	for (i = 0; i < count; i++)
		close(expect(open(numbered("file", i), O_RDONLY), "open"));
	report("open", count / (now() - begin));
	forget();
	begin = now();
	list(".", count);
	report("list", count / (now() - begin));
	begin = now();
	for (i = 0; i < count; i++)
		expect(rename(numbered("file", i), numbered("other", i)), "rename");
	report("rename", count / (now() - begin));
	begin = now();
	for (i = 0; i < count; i++)
		expect(unlink(numbered("other", i)), "unlink");
	report("unlink", count / (now() - begin));
	begin = now();
	for (i = 0; i < count; i++)
		expect(mkdir(numbered("folder", i), 0700), "mkdir");
	report("mkdir", count / (now() - begin));
	begin = now();
	for (i = 0; i < count; i++)
		expect(rmdir(numbered("folder", i)), "rmdir");
	report("rmdir", count / (now() - begin));
	expect(chdir(".."), "..");
	expect(rmdir("names"), "names");
}

/* Single calls */

static int early, late[SINGLE];

static void read_early(unsigned long i)
{
	expect(pread(early, block, PAGE, i * 64 * PAGE), "pread");
}

static void write_early(unsigned long i)
{
	expect(pwrite(early, block, PAGE, i * 64 * PAGE), "pwrite");
}

static void look_early(unsigned long i)
{
	struct stat stat;

	(void)i;
	expect(fstat(early, &stat), "fstat");
}

static void look(unsigned long i)
{
	struct stat stat;

	expect(lstat(numbered("looked", i), &stat), "stat");
}

static void change(unsigned long i)
{
	expect(chmod(numbered("looked", i), 0640), "chmod");
}

static void open_one(unsigned long i)
{
	late[i] = expect(open(numbered("opened", i), O_RDWR), "open");
}

static void read_late(unsigned long i)
{
	expect(pread(late[i], block, PAGE, 0), "pread");
}

static void write_late(unsigned long i)
{
	expect(pwrite(late[i], block, PAGE, 0), "pwrite");
}

static void sync_late(unsigned long i)
{
	expect(fsync(late[i]), "fsync");
}

static void lock(unsigned long i)
{
	struct flock whole = { .l_type = F_WRLCK };

	expect(fcntl(late[i], F_SETLKW, &whole), "lock");
}

static void unlock(unsigned long i)
{
	struct flock whole = { .l_type = F_UNLCK };

	expect(fcntl(late[i], F_SETLK, &whole), "unlock");
}

static void create(unsigned long i)
{
	close(make(numbered("made", i)));
}

static void make_folder(unsigned long i)
{
	expect(mkdir(numbered("folder", i), 0700), "mkdir");
}

static void make_link(unsigned long i)
{
	expect(symlink("somewhere", numbered("soft", i)), "symlink");
}

static void read_link(unsigned long i)
{
	char text[PAGE];

	expect(readlink(numbered("pointer", i), text, sizeof(text)), "readlink");
}

static void list_one(unsigned long i)
{
	list(numbered("listed", i), ENTRIES);
}

static void move(unsigned long i)
{
	expect(rename(numbered("made", i), numbered("moved", i)), "rename");
}

static void take(unsigned long i)
{
	expect(unlink(numbered("moved", i)), "unlink");
}

static const struct kind {
	const char	*name;
	void		(*call)(unsigned long i);
	/* Operations that the kernel makes of it. */
	int		calls;
} kinds[] = {
	{ "early-pread", read_early, 1 },
	{ "early-pwrite", write_early, 1 },
	{ "early-fstat", look_early, 1 },
	{ "stat", look, 1 },
	{ "chmod", change, 1 },
	{ "open", open_one, 1 },
	{ "pread", read_late, 1 },
	{ "pwrite", write_late, 1 },
	{ "fsync", sync_late, 1 },
	{ "lock", lock, 1 },
	{ "unlock", unlock, 1 },
	{ "create", create, 1 },
	{ "mkdir", make_folder, 1 },
	{ "symlink", make_link, 1 },
	/* The name is found, then the link is read. */
	{ "readlink", read_link, 2 },
	/* The folder is opened, then read. */
	{ "readdir", list_one, 2 },
	/* What there is of each name is asked first. */
	{ "rename", move, 3 },
	{ "unlink", take, 2 },
};

static void prepare(unsigned long count)
{
	unsigned long i, j;
	int fd;

	early = make("early");
	expect(ftruncate(early, count * 64 * PAGE), "early");
	for (i = 0; i < count; i++) {
		close(make(numbered("looked", i)));
		fd = make(numbered("opened", i));
		transfer(fd, 1, (char *)block, PAGE);
		close(fd);
		expect(symlink("somewhere", numbered("pointer", i)), "symlink");
		expect(mkdir(numbered("listed", i), 0700), "mkdir");
		expect(chdir(numbered("listed", i)), "chdir");
		for (j = 0; j < ENTRIES; j++)
			close(make(numbered("entry", j)));
		expect(chdir(".."), "chdir");
	}
}

static void calls(unsigned long count, const char *go)
{
	const struct kind *kind;
	double times[SINGLE], begin;
	unsigned long i;

	if (count > SINGLE)
		count = SINGLE;
	prepare(count);
	if (go) {
		puts("ready");
		fflush(stdout);
		while (access(go, F_OK))
			usleep(100000);
	}
	for (kind = kinds; kind < kinds + sizeof(kinds) / sizeof(*kinds); kind++) {
		for (i = 0; i < count; i++) {
			begin = now();
			kind->call(i);
			times[i] = now() - begin;
		}
		report(kind->name, middle(times, count) * 1e6 / kind->calls);
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	const char *where = argc > 2 ? argv[2] : "";
	unsigned long number = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
	unsigned long last = argc > 4 ? strtoul(argv[4], NULL, 0) : 0;

	if (!strcmp(what, "serve")) {
		serve(atoi(where));
	} else if (!strcmp(what, "tcp")) {
		tcp(where, number, last, 'c');
		tcp(where, number, last, 't');
	} else if (!strcmp(what, "ping")) {
		ping(where, number, last);
	} else {
		expect(chdir(where), where);
		if (!strcmp(what, "stream"))
			stream(number);
		else if (!strcmp(what, "random"))
			at_random(number);
		else if (!strcmp(what, "names"))
			names(number);
		else if (!strcmp(what, "calls"))
			calls(number, argc > 4 ? argv[4] : NULL);
		else
			return 2;
	}
	return 0;
}
