/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/signals.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "base/log.h"

static sigset_t ending_signals(void)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	return set;
}

void signals_block(void)
{
	sigset_t set = ending_signals();

	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

void signals_wait(void)
{
	sigset_t set = ending_signals();
	int number = 0;

	(void)sigwait(&set, &number);
	log_info("stopping", LOG_INT("signal", number));
}

bool signals_wait_second(void)
{
	static const struct timespec second = {.tv_sec = 1};
	sigset_t set = ending_signals();
	int number = sigtimedwait(&set, NULL, &second);

	if (number < 0)
		return false;
	log_info("stopping", LOG_INT("signal", number));
	return true;
}
