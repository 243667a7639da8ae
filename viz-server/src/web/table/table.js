// SPDX-License-Identifier: GPL-2.0-or-later
setTimeout(() => location.reload(), 3000);
