// SPDX-License-Identifier: GPL-2.0-or-later
//! Virtual clusters of real kernels.
