/* An interposer with a large buffer for each thread, as tracers and sanitizers have it. It counts
 * in it what is copied, cleared and compared. */
#include <stddef.h>

static __thread struct {
	long calls;
	char ring[800000];
} own __attribute__((tls_model("initial-exec")));

void *memset(void *to, int byte, size_t size)
{
	own.calls++;
	for (volatile char *at = to; size--;)
		*at++ = (char)byte;
	return to;
}

void *memcpy(void *to, const void *from, size_t size)
{
	const char *source = from;
	own.calls++;
	for (volatile char *at = to; size--;)
		*at++ = *source++;
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	volatile char *target = to;
	const volatile char *source = from;
	own.calls++;
	if ((size_t)(target - source) >= size)
		return memcpy(to, from, size);
	while (size--)
		target[size] = source[size];
	return to;
}

int memcmp(const void *one, const void *other, size_t size)
{
	const volatile unsigned char *left = one, *right = other;
	for (own.calls++; size--; left++, right++)
		if (*left != *right)
			return *left - *right;
	return 0;
}

int bcmp(const void *one, const void *other, size_t size) { return memcmp(one, other, size); }
