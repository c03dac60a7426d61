/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory as CPUs see it: each has a store buffer, first in, first out, that is
 * written back at any time. Taking a lock is a read-modify-write of memory itself
 * and does not wait for the buffer: weaker than x86, as arm64. Giving it back is a
 * store, behind all stores before it.
 *
 * Before this is included: CPUS, WORDS.
 */
#define STORES	4

chan buffer[CPUS] = [STORES] of { byte, byte };	/* word, value */
byte mem[WORDS];

#define store(cpu, word, value)	buffer[cpu]!word,value
#define barrier(cpu)		empty(buffer[cpu])
#define take(word)		atomic { mem[word] == 0 -> mem[word] = 1 }
#define give(cpu, word)		store(cpu, word, 0)


active proctype write_back()
{
	byte word, value;

end:	do
	:: atomic { buffer[0]?word,value -> mem[word] = value; word = 0; value = 0 }
	:: atomic { buffer[1]?word,value -> mem[word] = value; word = 0; value = 0 }
	:: atomic { buffer[2]?word,value -> mem[word] = value; word = 0; value = 0 }
	:: atomic { buffer[3]?word,value -> mem[word] = value; word = 0; value = 0 }
	od
}
