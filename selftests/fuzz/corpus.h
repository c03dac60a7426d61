/* SPDX-License-Identifier: GPL-2.0 */
/* The text of the file corpus, as part of the program */
#ifndef JOBTRACK_FUZZ_CORPUS_H
#define JOBTRACK_FUZZ_CORPUS_H

asm(".pushsection .rodata; .globl corpus; corpus: .incbin \"fuzz/corpus\"; .byte 0; .popsection");
extern const char corpus[];

#endif /* JOBTRACK_FUZZ_CORPUS_H */
