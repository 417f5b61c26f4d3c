/* Declares what only an assembler file defines. */
struct thing {
    int a;
    long b;
};
extern struct thing from_assembler;
int use(void) {
    return from_assembler.a;
}
void _start(void) {
    use();
}
