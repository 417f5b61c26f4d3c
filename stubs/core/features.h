/* SPDX-License-Identifier: BSD-3-Clause */
/* What this build has. `make WITHOUT="trace agent"` leaves things out, `make MINIMAL=1` all of these. The
 * state of the stub is the same in all of them: a kernel need not know which one it is linked with. */
#ifndef FEATURES_H
#define FEATURES_H

#ifdef UNIDBG_WITHOUT_trace /* tracepoints */
#define WITH_TRACE 0
#else
#define WITH_TRACE 1
#endif

#ifdef UNIDBG_WITHOUT_agent /* conditions and dprintf in the guest; tracepoints need it */
#define WITH_AGENT 0
#else
#define WITH_AGENT 1
#endif

#ifdef UNIDBG_WITHOUT_nonstop /* non-stop mode */
#define WITH_NONSTOP 0
#else
#define WITH_NONSTOP 1
#endif

#ifdef UNIDBG_WITHOUT_lldb /* what LLDB asks */
#define WITH_LLDB 0
#else
#define WITH_LLDB 1
#endif

#ifdef UNIDBG_WITHOUT_bulk /* MultiMemRead, qSearch:memory, qCRC */
#define WITH_BULK 0
#else
#define WITH_BULK 1
#endif

#ifdef UNIDBG_WITHOUT_monitor /* qRcmd */
#define WITH_MONITOR 0
#else
#define WITH_MONITOR 1
#endif

#ifdef UNIDBG_WITHOUT_documents /* qXfer; without it a client must know the registers itself, as gdb does */
#define WITH_DOCUMENTS 0
#else
#define WITH_DOCUMENTS 1
#endif

#ifdef UNIDBG_WITHOUT_emulation /* steps by emulation: without it all of them are traps */
#define WITH_EMULATION 0
#else
#define WITH_EMULATION 1
#endif

#ifdef UNIDBG_WITHOUT_hardware /* hardware breakpoints and watchpoints */
#define WITH_HARDWARE 0
#else
#define WITH_HARDWARE 1
#endif

#ifdef UNIDBG_WITHOUT_threads /* several threads */
#define WITH_THREADS 0
#else
#define WITH_THREADS 1
#endif

#ifdef UNIDBG_WITHOUT_texts /* reasons and errors in words */
#define WITH_TEXTS 0
#else
#define WITH_TEXTS 1
#endif

#endif
