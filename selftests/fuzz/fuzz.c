// SPDX-License-Identifier: GPL-2.0
/*
 * Runs programs of calls to the module, at first those of the corpus, then changed
 * ones, and keeps those in which the module does what it did in none before: a basic
 * block after another (KCOV), or a call's result. Prints what was kept as lines "keep
 * PROGRAM", the blocks that were met as lines "block OFFSET" in the module's text, and
 * at last figures. Fails when something does not hold; what the kernel complains of is
 * for the runner to find. $JT_FUZZ_SECONDS says for how long, $JT_FUZZ_SEED which ones.
 *
 * Only blocks in the threads of a program count: not those that run in the kernel's
 * own threads (sweeps) or in the processes that it forks.
 */
#pragma GCC diagnostic ignored "-Wunused-function"	/* the harness's main part */
#include "corpus.h"
#include "execute.h"
#include "mutate.h"

#include <linux/kcov.h>
#include <sys/mount.h>

#define COVER_SIZE	(128 << 10)	/* addresses of a thread: some of all the kernel */
#define NR_SIGNALS	(1 << 16)
#define MAX_KEPT	4000
#define SHOTS		40		/* to make a program shorter */

/* What a program did: blocks after blocks, results of calls, by hash */
struct signals {
	uint64_t bits[NR_SIGNALS / 64];
};

struct kept {
	struct program program;
	struct signals signals;
};

static int kcov_fds[NR_THREADS];
static unsigned long *cover[NR_THREADS];
static unsigned long text_begin, text_size;
static uint8_t *blocks;		/* by offset in the module's text */
static unsigned int n_blocks, n_runs;
static struct signals seen;
static struct kept *kept;
static unsigned int n_kept;
static struct outcome *out;
static struct jobtrack_info info;
static unsigned int failures;

static void begin_cover(int i)
{
	ioctl(kcov_fds[i], KCOV_ENABLE, KCOV_TRACE_PC);
}

static bool open_cover(void)
{
	for (int i = 0; i < NR_THREADS; i++) {
		int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

		kcov_fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 100);
		close(fd);
		if (fd < 0 || ioctl(kcov_fds[i], KCOV_INIT_TRACE, COVER_SIZE))
			return false;
		cover[i] = mmap(NULL, COVER_SIZE * sizeof(long), PROT_READ | PROT_WRITE,
				MAP_SHARED, kcov_fds[i], 0);
		if (cover[i] == MAP_FAILED)
			return false;
		madvise(cover[i], COVER_SIZE * sizeof(long), MADV_DONTFORK);
	}
	return true;
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool good = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return good;
}

/* "fail" is for allocations that may sleep, too, and each failure is not told. */
static bool prepare_failures(void)
{
	return write_text("/sys/kernel/debug/failslab/ignore-gfp-wait", "N") &&
		write_text("/sys/kernel/debug/failslab/verbose", "0") &&
		write_text("/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N") &&
		write_text("/sys/kernel/debug/fail_page_alloc/verbose", "0");
}

/* "jobtrack 114688 0 - Live 0xffffffffa0000000 (OE)" */
static bool find_text(void)
{
	FILE *file = fopen("/sys/module/jobtrack/sections/.text", "r");
	char line[256];

	if (!file || fscanf(file, "%lx", &text_begin) != 1)
		return false;
	fclose(file);
	file = fopen("/proc/modules", "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "jobtrack %lu", &text_size) == 1)
			break;
	fclose(file);
	blocks = calloc(1, text_size);
	return text_size > 0;
}

static void add_signal(struct signals *to, uint64_t what)
{
	uint32_t n = what * 0x9e3779b97f4a7c15ULL >> 48;

	to->bits[n / 64] |= 1ULL << n % 64;
}

static void gather(const struct program *p, struct signals *to)
{
	memset(to, 0, sizeof(*to));
	for (int i = 0; i < p->n_threads; i++) {
		unsigned long n = cover[i][0], last = 0;

		for (unsigned long j = 1; j <= n && j < COVER_SIZE; j++) {
			unsigned long at = cover[i][j] - text_begin;

			if (at >= text_size)
				continue;
			n_blocks += !blocks[at];
			blocks[at] = 1;
			add_signal(to, last << 32 | at);
			last = at;
		}
		for (int j = 0; j < p->threads[i].n_calls; j++)
			add_signal(to, 1ULL << 63 | p->threads[i].calls[j].op << 8 |
				   out->result[i][j]);
	}
}

static bool run(const struct program *p, struct signals *signals)
{
	char line[LINE_SIZE];
	const char *wrong = NULL;

	for (int i = 0; i < NR_THREADS; i++)
		__atomic_store_n(&cover[i][0], 0, __ATOMIC_SEQ_CST);
	if (!execute(p, out))
		wrong = "cannot be killed";
	gather(p, signals);
	wrong = wrong ?: invariants(p, &info, ++n_runs % 64 == 0);
	if (wrong || out->bad) {
		failures++;
		printf("not ok: %s: %s\n", wrong ?: out->text, program_text(p, line));
	}
	return !wrong && !out->bad;
}

/* Of @of, what is not in @in */
static bool any_new(const struct signals *of, const struct signals *in, struct signals *new)
{
	uint64_t any = 0;

	for (size_t i = 0; i < COUNT(of->bits); i++) {
		uint64_t bits = of->bits[i] & ~in->bits[i];

		any |= bits;
		if (new)
			new->bits[i] = bits;
	}
	return any;
}

/* Does a shorter one still do what is new? */
static bool still_does(const struct program *p, const struct signals *new)
{
	struct signals signals;

	return run(p, &signals) && !any_new(new, &signals, NULL);
}

static void shorten(struct program *p, const struct signals *new)
{
	struct program shorter;
	int shots = SHOTS;

	for (int i = p->n_threads - 1; i >= 0 && p->n_threads > 1 && shots--; i--) {
		shorter = *p;
		remove_thread(&shorter, i);
		if (still_does(&shorter, new))
			*p = shorter;
	}
	for (int i = 0; i < p->n_threads; i++) {
		for (int j = p->threads[i].n_calls - 1; j >= 0 && shots-- > 0; j--) {
			shorter = *p;
			remove_call(&shorter.threads[i], j);
			if (still_does(&shorter, new))
				*p = shorter;
		}
	}
}

/* Run @p and keep it if it does something new. */
static void try(struct program *p, bool may_shorten)
{
	struct signals signals, new;
	unsigned int blocks_before = n_blocks;

	if (!run(p, &signals) || !any_new(&signals, &seen, &new) || n_kept == MAX_KEPT)
		return;
	/* An order of blocks that is new may be chance; a block is worth the time. */
	if (may_shorten && n_blocks != blocks_before)
		shorten(p, &new);
	for (size_t i = 0; i < COUNT(seen.bits); i++)
		seen.bits[i] |= signals.bits[i];
	kept[n_kept].program = *p;
	kept[n_kept++].signals = signals;
}

static int bits_of(const struct signals *signals)
{
	int n = 0;

	for (size_t i = 0; i < COUNT(signals->bits); i++)
		n += __builtin_popcountll(signals->bits[i]);
	return n;
}

/* Greedily: those that together do all; the last ones add an order of blocks or two. */
static unsigned int print_kept(unsigned int most)
{
	struct signals left = seen, does;
	char line[LINE_SIZE];
	unsigned int n;

	for (n = 0; n < most && any_new(&left, &(struct signals){ { 0 } }, NULL); n++) {
		int best = -1, best_bits = 0;

		for (unsigned int i = 0; i < n_kept; i++) {
			int bits;

			for (size_t j = 0; j < COUNT(left.bits); j++)
				does.bits[j] = left.bits[j] & kept[i].signals.bits[j];
			bits = bits_of(&does);
			if (bits > best_bits) {
				best_bits = bits;
				best = i;
			}
		}
		if (best < 0)
			break;
		any_new(&left, &kept[best].signals, &left);
		printf("keep %s\n", program_text(&kept[best].program, line));
	}
	return n;
}

static void read_corpus(void)
{
	char *rest = strdup(corpus), *line;
	struct program p;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line || *line == '#')
			continue;
		if (program_parse(line, &p)) {
			try(&p, false);
		} else {
			printf("not ok: cannot read: %s\n", line);
			failures++;
		}
	}
}

int main(void)
{
	const char *seconds = getenv("JT_FUZZ_SECONDS"), *seed = getenv("JT_FUZZ_SEED");
	uint64_t end, begin = now_ns(), told = begin;
	struct program p;
	unsigned int n;

	setvbuf(stdout, NULL, _IOLBF, 0);
	end = begin + (seconds ? strtoul(seconds, NULL, 10) : 60) * NSEC_PER_SEC;
	random_state = seed && *seed ? strtoull(seed, NULL, 0) : begin;
	printf("# seed %#llx\n", (unsigned long long)random_state);
	out = shared(sizeof(*out));
	kept = shared(MAX_KEPT * sizeof(*kept));
	madvise(kept, MAX_KEPT * sizeof(*kept), MADV_DONTFORK);
	thread_begins = begin_cover;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	if (chmod(JOBTRACK_DEVICE, 0666) || !open_cover() || !prepare_failures() || !find_text() ||
	    jt_info(&info)) {
		perror("fuzz");
		return 1;
	}
	read_corpus();
	printf("# %u programs of the corpus: %u blocks\n", n_runs, n_blocks);
	while (now_ns() < end && failures < 20) {
		if (!n_kept || once_in(8)) {
			random_program(&p);
		} else {
			p = kept[random_below(n_kept)].program;
			for (n = 1 + random_below(4); n; n--)
				mutate(&p, &kept[random_below(n_kept)].program);
		}
		try(&p, true);
		if (now_ns() - told > 20 * NSEC_PER_SEC) {
			told = now_ns();
			printf("# %3llu s: %u runs, %u blocks, %u kept\n",
			       (unsigned long long)(told - begin) / NSEC_PER_SEC, n_runs,
			       n_blocks, n_kept);
		}
	}
	n = print_kept(300);
	for (unsigned long i = 0; i < text_size; i++)
		if (blocks[i])
			printf("block %lx\n", i);
	printf("# %u runs, %.1f a second; %u blocks; %u programs kept; %llu births, %llu signals\n",
	       n_runs, n_runs * 1e9 / (now_ns() - begin), n_blocks, n,
	       (unsigned long long)info.births, (unsigned long long)info.signals);
	return failures || !audit_is_clean();
}
