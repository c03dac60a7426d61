// SPDX-License-Identifier: GPL-2.0
/*
 * A process whose main thread has ended while another sleeps: /proc shows it as a
 * zombie without a command line, and yet it is alive. For tests of the command.
 */
#include <pthread.h>
#include <unistd.h>

static void *sleep_on(void *arg)
{
	pause();
	return arg;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_on, NULL))
		return 1;
	pthread_exit(NULL);
}
