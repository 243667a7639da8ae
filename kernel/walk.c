// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page table walk.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched.h>

#include "compat.h"
#include "walk.h"

/* The entries below one page middle directory; @end is not beyond it. */
static int mattx_walk_table(struct mm_struct *mm, pmd_t *pmd, unsigned long address,
			    unsigned long end, mattx_walk_visit visit, void *context)
{
	spinlock_t *lock;	/* of the page table */
	pmd_t value;
	pte_t *pte;
	int result = 0;

	/*
	 * Tables are freed after an RCU grace period, and only with their lock
	 * held: after the second look the table stays as long as we hold it.
	 */
	rcu_read_lock();
again:
	value = READ_ONCE(*pmd);
	if (pmd_none(value))
		goto out;
	if (!pmd_present(value)) {
		result = visit(context, address, (end - address) >> PAGE_SHIFT,
			       MATTX_MAPPED_AWAY, NULL);
		goto out;
	}
	if (pmd_leaf(value)) {
		result = visit(context, address, (end - address) >> PAGE_SHIFT,
			       MATTX_MAPPED_PAGE,
			       pmd_page(value) + ((address & ~PMD_MASK) >> PAGE_SHIFT));
		goto out;
	}
	lock = pte_lockptr(mm, &value);
	spin_lock(lock);
	if (pmd_val(value) != pmd_val(READ_ONCE(*pmd))) {
		spin_unlock(lock);
		goto again;
	}
	pte = pte_offset_kernel(&value, address);
	for (; address < end && !result; address += PAGE_SIZE, pte++) {
		pte_t entry = ptep_get(pte);

		if (pte_none(entry))
			continue;
		if (!pte_present(entry))
			result = visit(context, address, 1, mattx_pte_is_guard(entry) ?
				       MATTX_MAPPED_GUARD : MATTX_MAPPED_AWAY, NULL);
		else if (pte_special(entry))
			result = visit(context, address, 1, MATTX_MAPPED_SPECIAL, NULL);
		else
			result = visit(context, address, 1, MATTX_MAPPED_PAGE,
				       pfn_to_page(pte_pfn(entry)));
	}
	spin_unlock(lock);
out:
	rcu_read_unlock();
	return result;
}

int mattx_walk(struct mm_struct *mm, unsigned long start, unsigned long end,
	       mattx_walk_visit visit, void *context)
{
	unsigned long address, next;
	int result = 0;

	mmap_assert_write_locked(mm);
	for (address = start; address < end && !result; address = next) {
		pgd_t *pgd = pgd_offset(mm, address);
		p4d_t *p4d;
		pud_t *pud;

		next = pgd_addr_end(address, end);
		if (pgd_none(*pgd))
			continue;
		p4d = p4d_offset(pgd, address);
		next = p4d_addr_end(address, end);
		if (!p4d_present(*p4d))
			continue;
		pud = pud_offset(p4d, address);
		next = pud_addr_end(address, end);
		if (!pud_present(*pud) || pud_leaf(*pud))
			continue;
		next = pmd_addr_end(address, end);
		result = mattx_walk_table(mm, pmd_offset(pud, address), address, next, visit,
					  context);
		cond_resched();
	}
	return result;
}
