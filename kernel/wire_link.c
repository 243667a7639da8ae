// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages about the link itself.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/string.h>
#endif
#include "wire.h"

void mattx_hello_encode(struct mattx_cursor *c, const struct mattx_hello *hello)
{
	mattx_put_u32(c, hello->version);
	mattx_put_u32(c, hello->node);
	mattx_put_u64(c, hello->boot);
	mattx_put_u64(c, hello->features);
	mattx_put_u32(c, hello->page_size);
	mattx_put_text(c, hello->release);
}

int mattx_hello_decode(struct mattx_cursor *c, struct mattx_hello *hello)
{
	hello->version = mattx_take_u32(c);
	hello->node = mattx_take_u32(c);
	hello->boot = mattx_take_u64(c);
	hello->features = mattx_take_u64(c);
	hello->page_size = mattx_take_u32(c);
	mattx_take_text(c, hello->release, sizeof(hello->release));
	return c->bad ? -EBADMSG : 0;
}
