// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Draws the Mandelbrot set into a BMP picture, over and over, each time nearer
 * to one point: usage: fractal PICTURE [FRAMES [MILLISECONDS-PER-ROW]]
 *
 * The picture is opened once, before any move, and grows row by row, so that
 * one can watch it grow while the program changes nodes.  Floating point,
 * buffered file output and a file offset that must survive.  Prints a line
 * per frame and, at the end, a checksum of all pixels, which does not depend
 * on where it was computed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WIDTH 320
#define HEIGHT 200
#define MAX_ITERATIONS 400
#define ZOOM_PER_FRAME 0.8

static const double CENTRE_X = -0.743643887037151;
static const double CENTRE_Y = 0.131825904205330;

/* The head of a BMP file whose rows go from top to bottom, three bytes a pixel. */
static size_t header(unsigned char *bytes)
{
	const uint32_t fields[] = { 54 + WIDTH * HEIGHT * 3, 0, 54, 40,
				    WIDTH, -HEIGHT, 1 | 24 << 16 };

	memset(bytes, 0, 54);
	memcpy(bytes, "BM", 2);
	memcpy(bytes + 2, fields, sizeof(fields));
	return 54;
}

static void pause_for(long milliseconds)
{
	struct timespec time = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* Iterations until the point leaves the circle of radius 2. */
static int escape(double cx, double cy)
{
	double x = 0, y = 0;
	int n;

	for (n = 0; n < MAX_ITERATIONS && x * x + y * y <= 4; n++) {
		double next = x * x - y * y + cx;

		y = 2 * x * y + cy;
		x = next;
	}
	return n;
}

static void write_all(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length) {
		ssize_t done = write(fd, at, length);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			fprintf(stderr, "fractal: cannot write the picture: %s\n", strerror(errno));
			exit(1);
		}
		at += done;
		length -= done;
	}
}

int main(int argc, char **argv)
{
	uint64_t checksum = 14695981039346656037ull; /* FNV-1a */
	long frames = argc > 2 ? atol(argv[2]) : 1000000;
	long pace = argc > 3 ? atol(argv[3]) : 0;
	double span = 3.2;
	int fd;

	if (argc < 2) {
		fprintf(stderr, "usage: fractal PICTURE [FRAMES [MILLISECONDS-PER-ROW]]\n");
		return 2;
	}
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0) {
		fprintf(stderr, "fractal: cannot create %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (long frame = 0; frame < frames; frame++, span *= ZOOM_PER_FRAME) {
		unsigned char head[54];

		if (span < 1e-12)
			span = 3.2; /* doubles see nothing new further in */
		if (lseek(fd, 0, SEEK_SET) != 0) {
			fprintf(stderr, "fractal: cannot rewind the picture: %s\n", strerror(errno));
			return 1;
		}
		write_all(fd, head, header(head));
		for (int row = 0; row < HEIGHT; row++) {
			unsigned char pixels[WIDTH * 3];

			for (int column = 0; column < WIDTH; column++) {
				int n = escape(CENTRE_X + (column - WIDTH / 2) * span / WIDTH,
					       CENTRE_Y + (row - HEIGHT / 2) * span / WIDTH);

				/* Blue, green, red. */
				pixels[column * 3] = n == MAX_ITERATIONS ? 0 : 255 - n * 2;
				pixels[column * 3 + 1] = n == MAX_ITERATIONS ? 0 : n * 3 + 40;
				pixels[column * 3 + 2] = n == MAX_ITERATIONS ? 0 : n * 5;
			}
			for (size_t i = 0; i < sizeof(pixels); i++)
				checksum = (checksum ^ pixels[i]) * 1099511628211ull;
			write_all(fd, pixels, sizeof(pixels));
			if (pace)
				pause_for(pace);
		}
		printf("frame %ld, %.3g wide\n", frame, span);
	}
	printf("checksum %016lx\n", checksum);
	return 0;
}
