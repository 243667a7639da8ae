// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Uses files in every way it knows and prints what each call returned: the
 * value, the errno, the bytes.  Two runs of it must print the same, wherever
 * they compute.
 *
 *   transcript FOLDER SMALL [GO]
 *
 * FOLDER is empty and the user's, SMALL the root of another, nearly full file
 * system.  With GO it waits until that file exists before it does anything
 * but open pipes.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

static unsigned int operations;
static char text[8192];

static void say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
}

/* One operation: prints it with its result, which it returns. */
#define DO(call) ({								\
	long result_;								\
	errno = 0;								\
	result_ = (long)(call);							\
	operations++;								\
	say("%s = %ld %s", #call, result_, errno ? strerrorname_np(errno) : "");	\
	result_; })

static void show_bytes(const char *what, const void *data, long length)
{
	const unsigned char *byte = data;
	uint32_t sum = 2166136261u;
	long i;

	for (i = 0; i < length; i++)
		sum = (sum ^ byte[i]) * 16777619u;
	say("  %s: %ld bytes, sum %08x", what, length, sum);
}

static void show_stat(const char *path, int flags)
{
	struct stat st;
	int result;

	memset(&st, 0, sizeof(st));
	errno = 0;
	result = fstatat(AT_FDCWD, path, &st, flags);
	operations++;
	say("stat %s = %d %s: mode %o links %ld size %ld uid %u gid %u", path, result,
	    errno ? strerrorname_np(errno) : "", st.st_mode,
	    S_ISDIR(st.st_mode) ? 0 : (long)st.st_nlink,
	    S_ISDIR(st.st_mode) ? 0 : (long)st.st_size, st.st_uid, st.st_gid);
}

static void show_file(const char *path)
{
	static char data[300000];
	int fd = open(path, O_RDONLY);
	long got = fd < 0 ? -errno : read(fd, data, sizeof(data));

	operations++;
	if (got >= 0)
		show_bytes(path, data, got);
	else
		say("  %s: %ld", path, got);
	if (fd >= 0)
		close(fd);
}

static int by_name(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static void show_folder(const char *path)
{
	char *names[512];
	struct dirent *entry;
	DIR *folder = opendir(path);
	int count = 0, i;

	operations++;
	if (!folder) {
		say("folder %s: %s", path, strerrorname_np(errno));
		return;
	}
	while (count < 512 && (entry = readdir(folder)))
		names[count++] = strdup(entry->d_name);
	closedir(folder);
	qsort(names, count, sizeof(*names), by_name);
	say("folder %s: %d entries", path, count);
	for (i = 0; i < count; i++) {
		if (count < 40)
			say("  %s", names[i]);
		free(names[i]);
	}
}

static void reading_and_writing(void)
{
	struct iovec parts[2] = { { "two ", 4 }, { "parts", 5 } };
	static char block[262144];
	char buffer[4096];
	size_t i;
	int fd, copy;

	for (i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 7 + i / 251);
	fd = DO(open("a", O_RDWR | O_CREAT | O_EXCL, 0666));
	DO(write(fd, "hello world", 11));
	DO(lseek(fd, 0, SEEK_SET));
	memset(buffer, 0, sizeof(buffer));
	DO(read(fd, buffer, 5));
	show_bytes("read", buffer, 5);
	DO(pread(fd, buffer, 100, 6));
	show_bytes("pread", buffer, 5);
	DO(pwrite(fd, "W", 1, 6));
	DO(lseek(fd, 0, SEEK_CUR));
	DO(lseek(fd, -3, SEEK_END));
	DO(read(fd, buffer, 100));
	DO(read(fd, buffer, 100));
	DO(lseek(fd, -1, SEEK_SET));
	DO(lseek(fd, 100, SEEK_SET));
	DO(writev(fd, parts, 2));
	show_file("a");
	DO(lseek(fd, 0, SEEK_DATA));
	DO(lseek(fd, 1000000, SEEK_DATA));
	DO(ftruncate(fd, 50));
	show_stat("a", 0);
	DO(ftruncate(fd, 5000));
	DO(pread(fd, buffer, 4096, 4000));
	show_bytes("pread", buffer, 1000);
	DO(pwrite(fd, block, sizeof(block), 3));
	show_file("a");
	DO(pread(fd, block, sizeof(block), 100));
	show_bytes("pread", block, sizeof(block));
	DO(fsync(fd));
	DO(fdatasync(fd));
	DO(fallocate(fd, 0, 0, 300000));
	show_stat("a", 0);
	DO(fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 4096, 8192));
	show_file("a");
	DO(posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL));
	copy = DO(dup(fd));
	DO(lseek(fd, 10, SEEK_SET));
	DO(lseek(copy, 0, SEEK_CUR));
	DO(fcntl(copy, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	DO(fcntl(fd, F_SETFL, O_APPEND));
	DO(write(copy, "end", 3));
	DO(lseek(copy, 0, SEEK_CUR));
	DO(close(copy));
	DO(close(fd));
	DO(close(fd));
	DO(write(fd, "x", 1));
	fd = DO(open("a", O_RDONLY));
	DO(write(fd, "x", 1));
	DO(ftruncate(fd, 0));
	DO(close(fd));
	fd = DO(open("a", O_WRONLY | O_TRUNC));
	DO(read(fd, buffer, 1));
	show_stat("a", 0);
	DO(write(fd, "again", 5));
	DO(close(fd));
	fd = DO(open("log", O_WRONLY | O_CREAT | O_APPEND, 0640));
	DO(write(fd, "one\n", 4));
	DO(lseek(fd, 0, SEEK_SET));
	DO(write(fd, "two\n", 4));
	DO(pwrite(fd, "three\n", 6, 0));
	show_file("log");
	DO(close(fd));
	DO(truncate("log", 2));
	show_file("log");
	DO(truncate("nothing", 2));
	DO(truncate(".", 2));
	DO(truncate("log", -1));
}

static void names(void)
{
	char name[PATH_MAX + 10];
	int fd, i;

	DO(mkdir("d", 0777));
	DO(mkdir("d", 0777));
	DO(mkdir("nothing/d", 0777));
	DO(mkdir("a/d", 0777));
	show_stat("d", 0);
	DO(umask(077));
	DO(mkdir("private", 0777));
	fd = DO(open("private/f", O_CREAT | O_WRONLY, 0666));
	DO(close(fd));
	show_stat("private", 0);
	show_stat("private/f", 0);
	DO(umask(022));
	DO(link("a", "d/hard"));
	DO(link("a", "d/hard"));
	DO(link("nothing", "d/x"));
	DO(link("d", "d2"));
	show_stat("a", 0);
	DO(symlink("a", "soft"));
	DO(symlink("../a", "d/up"));
	DO(symlink("nothing", "dangling"));
	DO(symlink("loop", "loop"));
	DO(symlink("", "empty"));
	show_stat("soft", 0);
	show_stat("soft", AT_SYMLINK_NOFOLLOW);
	show_stat("dangling", 0);
	show_stat("loop", 0);
	show_file("d/up");
	memset(text, 0, sizeof(text));
	DO(readlink("soft", text, 100));
	DO(readlink("d/up", text, 2));
	DO(readlink("a", text, 100));
	DO(readlink("nothing", text, 100));
	DO(open("soft", O_RDONLY | O_NOFOLLOW));
	DO(open("loop", O_RDONLY));
	DO(open("d", O_WRONLY));
	DO(open("a", O_RDONLY | O_DIRECTORY));
	DO(open("a/b", O_RDONLY));
	DO(open("nothing", O_RDONLY));
	DO(open("a", O_CREAT | O_EXCL | O_RDWR, 0600));
	DO(open("soft", O_CREAT | O_EXCL | O_RDWR, 0600));
	DO(open("", O_RDONLY));
	fd = DO(open("dangling", O_CREAT | O_WRONLY, 0600));
	DO(close(fd));
	show_stat("nothing", 0);
	DO(unlink("nothing"));
	DO(rename("a", "b"));
	show_stat("a", 0);
	show_stat("b", 0);
	DO(rename("b", "a"));
	DO(rename("nothing", "b"));
	DO(rename("a", "d"));
	DO(rename("d", "a"));
	DO(rename("d", "d/below"));
	DO(rename("a", "d/hard"));
	show_stat("a", 0);
	DO(renameat2(AT_FDCWD, "a", AT_FDCWD, "log", RENAME_NOREPLACE));
	DO(renameat2(AT_FDCWD, "d", AT_FDCWD, "log", RENAME_EXCHANGE));
	show_stat("log", 0);
	DO(renameat2(AT_FDCWD, "d", AT_FDCWD, "log", RENAME_EXCHANGE));
	DO(rmdir("d"));
	DO(rmdir("a"));
	DO(rmdir("nothing"));
	DO(rmdir("."));
	DO(unlink("d"));
	DO(unlink("nothing"));
	DO(unlink("d/up"));
	DO(unlink("d/up"));
	show_folder("d");
	show_folder(".");
	DO(mkfifo("fifo", 0644));
	show_stat("fifo", 0);
	DO(mknod("socket", S_IFSOCK | 0600, 0));
	show_stat("socket", 0);
	DO(mknod("device", S_IFCHR | 0600, 0x103));
	DO(open("fifo", O_WRONLY | O_NONBLOCK));
	fd = DO(open("fifo", O_RDONLY | O_NONBLOCK));
	DO(read(fd, text, 1));
	DO(close(fd));
	memset(name, 'n', 256);
	name[256] = 0;
	DO(mkdir(name, 0700));
	name[255] = 0;
	DO(mkdir(name, 0700));
	DO(rmdir(name));
	memset(name, 0, sizeof(name));
	for (i = 0; i < 1999; i++)
		memcpy(name + 2 * i, "./", 2);
	strcat(name, "a");
	DO(access(name, F_OK));
	memset(name, 'x', PATH_MAX);
	name[PATH_MAX] = 0;
	DO(access(name, F_OK));
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file%d", i);
		fd = open(name, O_CREAT | O_WRONLY, 0600);
		if (fd < 0)
			say("%s: %s", name, strerrorname_np(errno));
		close(fd);
	}
	show_folder("d");
	for (i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d/file%d", i);
		unlink(name);
	}
	show_folder("d");
}

static void attributes(void)
{
	struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 7 } };
	struct statfs figures;
	struct stat st;
	int fd;

	DO(chmod("a", 0600));
	show_stat("a", 0);
	DO(chmod("a", 04755));
	show_stat("a", 0);
	fd = DO(open("a", O_WRONLY));
	DO(write(fd, "s", 1));
	show_stat("a", 0);
	DO(fchmod(fd, 0640));
	show_stat("a", 0);
	DO(fchown(fd, -1, getgid()));
	DO(fstat(fd, &st));
	say("  size %ld", (long)st.st_size);
	DO(close(fd));
	DO(chown("a", 0, 0));
	DO(chown("a", getuid(), getgid()));
	DO(chmod("nothing", 0600));
	DO(chmod("/etc/passwd", 0600));
	DO(utimensat(AT_FDCWD, "a", times, 0));
	DO(stat("a", &st));
	say("  times %ld.%ld %ld.%ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec,
	    (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	DO(utimensat(AT_FDCWD, "a", NULL, 0));
	DO(utimensat(AT_FDCWD, "/etc/passwd", NULL, 0));
	DO(access("a", R_OK | W_OK));
	DO(access("a", X_OK));
	DO(access("/etc/passwd", R_OK));
	DO(access("/etc/passwd", W_OK));
	DO(access("/root/x", F_OK));
	DO(open("/etc/passwd", O_WRONLY));
	DO(open("/root/x", O_RDONLY));
	DO(mkdir("/etc/x", 0700));
	DO(unlink("/etc/passwd"));
	DO(rename("/etc/passwd", "p"));
	DO(chmod("private", 0));
	DO(access("private/f", F_OK));
	DO(open("private/f", O_RDONLY));
	show_folder("private");
	DO(chmod("private", 0700));
	DO(setxattr("a", "user.word", "value", 5, 0));
	DO(setxattr("a", "user.word", "value", 5, XATTR_CREATE));
	DO(getxattr("a", "user.word", text, sizeof(text)));
	DO(getxattr("a", "user.word", text, 2));
	DO(getxattr("a", "user.none", text, 2));
	DO(listxattr("a", text, sizeof(text)));
	DO(removexattr("a", "user.word"));
	DO(removexattr("a", "user.word"));
	DO(setxattr("a", "trusted.word", "value", 5, 0));
	DO(statfs(".", &figures));
	DO(statfs("nothing", &figures));
}

static void mappings(void)
{
	char *memory, *private;
	int fd;

	fd = DO(open("map", O_RDWR | O_CREAT, 0600));
	DO(ftruncate(fd, 10000));
	memory = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	DO(memory == MAP_FAILED);
	memcpy(memory + 5000, "mapped", 6);
	DO(msync(memory, 10000, MS_SYNC));
	DO(pread(fd, text, 6, 5000));
	show_bytes("pread", text, 6);
	DO(pwrite(fd, "written", 7, 100));
	show_bytes("memory", memory + 100, 7);
	private = mmap(NULL, 10000, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	DO(private == MAP_FAILED);
	show_bytes("private", private, 10000);
	private[0] = 'p';
	DO(munmap(memory, 10000));
	show_file("map");
	DO(munmap(private, 10000));
	DO(close(fd));
	fd = DO(open("map", O_RDONLY));
	DO(mmap(NULL, 10000, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	DO(close(fd));
}

static void moving_bytes(void)
{
	loff_t from = 0, to = 0;
	int in, out;

	in = DO(open("map", O_RDONLY));
	out = DO(open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600));
	DO(copy_file_range(in, &from, out, &to, 10000, 0));
	show_file("copy");
	DO(sendfile(out, in, NULL, 5000));
	show_file("copy");
	DO(close(in));
	DO(close(out));
}

static void locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5 };
	int fd, other;

	fd = DO(open("a", O_RDWR));
	DO(fcntl(fd, F_SETLK, &lock));
	DO(fcntl(fd, F_GETLK, &lock));
	DO(lock.l_type == F_UNLCK);
	lock.l_type = F_UNLCK;
	DO(fcntl(fd, F_SETLKW, &lock));
	DO(flock(fd, LOCK_EX | LOCK_NB));
	other = DO(open("a", O_RDWR));
	DO(flock(other, LOCK_EX | LOCK_NB));
	DO(flock(fd, LOCK_UN));
	DO(flock(other, LOCK_SH | LOCK_NB));
	DO(close(other));
	DO(close(fd));
	fd = DO(open("a", O_RDONLY));
	lock.l_type = F_WRLCK;
	DO(fcntl(fd, F_SETLK, &lock));
	DO(close(fd));
}

static void no_room(const char *small)
{
	static char block[65536];
	char name[PATH_MAX];
	int fd, i;
	long got;

	snprintf(name, sizeof(name), "%s/f", small);
	DO(rename("a", name));
	DO(link("a", name));
	fd = DO(open(name, O_CREAT | O_WRONLY, 0600));
	for (i = 0; i < 8; i++) {
		got = DO(write(fd, block, sizeof(block)));
		if (got < 0)
			break;
	}
	DO(fsync(fd));
	DO(close(fd));
	DO(unlink(name));
}

static void folders(void)
{
	char buffer[PATH_MAX];
	int fd, at;

	fd = DO(open("d", O_RDONLY | O_DIRECTORY));
	at = DO(openat(fd, "inside", O_CREAT | O_RDWR, 0600));
	DO(write(at, "in", 2));
	DO(close(at));
	DO(mkdirat(fd, "deep", 0700));
	DO(fchdir(fd));
	show_stat("inside", 0);
	DO(getcwd(buffer, sizeof(buffer)) != NULL);
	DO(strcmp(strrchr(buffer, '/'), "/d"));
	DO(chdir("deep"));
	DO(chdir("../.."));
	show_stat("d/inside", 0);
	DO(chdir("nothing"));
	DO(chdir("a"));
	DO(unlinkat(fd, "deep", 0));
	DO(unlinkat(fd, "deep", AT_REMOVEDIR));
	DO(read(fd, buffer, 10));
	DO(fsync(fd));
	DO(close(fd));
	/* What is open outlives its name. */
	fd = DO(open("d/inside", O_RDWR));
	DO(unlink("d/inside"));
	DO(write(fd, "gone", 4));
	DO(pread(fd, buffer, 10, 0));
	DO(close(fd));
	fd = DO(open("/proc/self/stat", O_RDONLY));
	DO(read(fd, buffer, 4) > 0);
	DO(close(fd));
	fd = DO(open("/dev/null", O_RDWR));
	DO(write(fd, "x", 1));
	DO(read(fd, buffer, 1));
	DO(close(fd));
	fd = DO(open("/dev/zero", O_RDONLY));
	DO(read(fd, buffer, 16));
	show_bytes("zero", buffer, 16);
	DO(close(fd));
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void pipes(int reader, int writer)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval soon = { .it_value = { 0, 300000 } };
	struct pollfd wait = { .fd = reader, .events = POLLIN };

	DO(fcntl(reader, F_SETFL, O_NONBLOCK));
	DO(read(reader, text, 10));
	DO(poll(&wait, 1, 0));
	DO(write(writer, "pipe", 4));
	DO(poll(&wait, 1, 1000));
	DO(read(reader, text, 10));
	show_bytes("pipe", text, 4);
	DO(lseek(reader, 0, SEEK_SET));
	DO(fcntl(reader, F_SETFL, 0));
	DO(sigaction(SIGALRM, &action, NULL));
	DO(setitimer(ITIMER_REAL, &soon, NULL));
	DO(read(reader, text, 10));
	signal(SIGPIPE, SIG_IGN);
	DO(close(reader));
	DO(write(writer, "x", 1));
	DO(close(writer));
}

/* What was open before the move. */
static void early(int fd, int folder)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 7 };
	struct timespec times[2] = { { 1000000000, 5 }, { 1100000000, 7 } };
	struct stat st;
	char *memory;
	int other;

	DO(write(fd, "early bytes", 11));
	DO(fchmod(fd, 0604));
	DO(fchown(fd, getuid(), getgid()));
	DO(fchown(fd, 0, 0));
	DO(futimens(fd, times));
	DO(fstat(fd, &st));
	say("  mode %o size %ld times %ld %ld", st.st_mode, (long)st.st_size,
	    (long)st.st_atim.tv_sec, (long)st.st_mtim.tv_sec);
	DO(fcntl(fd, F_SETLK, &lock));
	DO(flock(fd, LOCK_EX | LOCK_NB));
	other = DO(open("early", O_RDWR));
	DO(flock(other, LOCK_EX | LOCK_NB));
	DO(flock(fd, LOCK_UN));
	DO(flock(other, LOCK_EX | LOCK_NB));
	DO(close(other));
	lock.l_type = F_UNLCK;
	DO(fcntl(fd, F_SETLKW, &lock));
	DO(ftruncate(fd, 8192));
	memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	DO(memory == MAP_FAILED);
	show_bytes("memory", memory, 8192);
	memcpy(memory + 4000, "stored", 6);
	DO(msync(memory, 8192, MS_SYNC));
	DO(munmap(memory, 8192));
	DO(pread(fd, text, 8192, 0));
	show_bytes("pread", text, 8192);
	DO(lseek(fd, 0, SEEK_CUR));
	DO(rename("early", "later"));
	DO(fsync(fd));
	DO(close(fd));
	other = DO(openat(folder, "later", O_RDONLY));
	DO(close(other));
	DO(mkdirat(folder, "by folder", 0700));
	DO(fchdir(folder));
	DO(close(folder));
}

int main(int count, char **words)
{
	int ends[2], fd, folder;

	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	if (count < 3 || chdir(words[1]) || pipe(ends)) {
		perror("transcript");
		return 1;
	}
	umask(022);
	fd = open("early", O_RDWR | O_CREAT, 0600);
	folder = open(".", O_RDONLY | O_DIRECTORY);
	while (count > 3 && access(words[3], F_OK))
		nanosleep(&(struct timespec){ 0, 100000000 }, NULL);
	early(fd, folder);
	reading_and_writing();
	names();
	attributes();
	mappings();
	moving_bytes();
	locks();
	no_room(words[2]);
	folders();
	pipes(ends[0], ends[1]);
	say("%u operations", operations);
	return 0;
}
