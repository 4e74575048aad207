/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/publication.h"

void publication_clear(struct publication *p)
{
	events_clear(&p->events);
	*p = (struct publication){0};
}

void publication_adopt(
	struct publication *p, const char *uid, const struct node *status, int64_t now)
{
	if (conditions_adopt(&p->status, uid, status, now))
		events_clear(&p->events);
	events_adopt(&p->events, (enum status_reason)p->status.reason);
}
