/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _MATTX_LATE_SIGNAL_H
#define _MATTX_LATE_SIGNAL_H
/*
 * Signals that somebody on the hosting node sends to a guest whose state is
 * on its way home already.  They follow it, and until the surrogate is gone
 * they may still come when the process runs at home again, or elsewhere.
 */
struct mattx_export;

/* It is about to come home: what follows it is for its process.  Process context. */
void mattx_late_signals_expect(struct mattx_export *export);
/* Its way home is over, here or there: a STOP that came meanwhile is carried out now. */
void mattx_late_stop(struct mattx_export *export);
/* No more links. */
void mattx_late_signals_exit(void);

#endif /* _MATTX_LATE_SIGNAL_H */
