    .data
    .globl from_assembler
    .type from_assembler, @object
    .size from_assembler, 16
from_assembler:
    .quad 1, 2
    .globl unknown_to_c
unknown_to_c:
    .quad 3
    .section .note.GNU-stack, "", @progbits
