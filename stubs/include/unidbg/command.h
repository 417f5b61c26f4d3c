/* SPDX-License-Identifier: BSD-3-Clause */
/* `monitor` commands of the guest, registered where they are written:
 *
 *     static void ping(const char *arguments, struct unidbg_text *out) { ... }
 *     UNIDBG_COMMAND(ping, "ping ADDR: send an echo request", ping);
 *
 * and given to the stub once, before unidbg_init: `UNIDBG_COMMANDS(&port);`. The linker script must keep the
 * section: KEEP(*(unidbg_commands)).
 */
#ifndef UNIDBG_COMMAND_H
#define UNIDBG_COMMAND_H

#include <unidbg/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `arguments` is what follows the name and spaces. The guest stands; what the function reads may be damaged:
 * a fault becomes an error at the client. */
struct unidbg_command {
    const char *name;
    const char *help;
    void (*run)(const char *arguments, struct unidbg_text *out);
};

#define UNIDBG_COMMAND(name_, help_, function_)                                                              \
    static const struct unidbg_command unidbg_command_##name_                                                \
        __attribute__((section("unidbg_commands"), used, retain, aligned(8))) = {#name_, help_, function_}

/* The linker makes these names. NOLINTBEGIN(bugprone-reserved-identifier) */
extern const struct unidbg_command __start_unidbg_commands[] __attribute__((weak));
extern const struct unidbg_command __stop_unidbg_commands[] __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

#define UNIDBG_COMMANDS(port_)                                                                               \
    ((port_)->commands = __start_unidbg_commands, (port_)->commands_end = __stop_unidbg_commands)

#ifdef __cplusplus
}
#endif

#endif
