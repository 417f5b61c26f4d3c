/* Symbols with and without sizes, labels inside functions, several names of one place. */
    .text
    .globl _start, unsized, last, sized, strong_name
    .weak weak_name
_start:
unsized_first:
    nop
    nop
    .type sized, @function
sized:
    nop
    nop
inside:
    nop
    nop
    .size sized, . - sized
unsized:
    nop
    nop
    nop
    nop
    nop
    .type weak_name, @function
    .type strong_name, @function
    .type local_name, @function
local_name:
weak_name:
strong_name:
    nop
    .size weak_name, 1
    .size strong_name, 1
    .size local_name, 1
last:
    nop
    nop
    nop
    .section .note.GNU-stack, "", @progbits
