/* SPDX-License-Identifier: BSD-3-Clause */
/* The note by which unidbg finds the probes of an image: docs/abi.md. Distances are relative to the field
 * itself, so a position-independent image needs no relocation for them. Link it once.
 */
#define UNIDBG_ABI 1
#define UNIDBG_RECORD_SIZE 64

    /* An empty one, so that the symbols exist in an image without probes. */
    .section unidbg_probes, "aR", @progbits
    .balign 8

    .section .note.unidbg, "aR", @note
    .balign 4
    .long 2f - 1f
    .long 4f - 3f
    .long 1                     /* type */
1:  .asciz "unidbg"
2:  .balign 4
3:  .long UNIDBG_ABI
    .long UNIDBG_RECORD_SIZE
    .quad __start_unidbg_probes - .
    .quad __stop_unidbg_probes - .
4:  .balign 4

    .section .note.GNU-stack, "", @progbits
