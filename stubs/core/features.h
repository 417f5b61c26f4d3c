/* SPDX-License-Identifier: BSD-3-Clause */
/* What this build has. `make WITHOUT="trace agent"` leaves things out, `make MINIMAL=1` all of these. The
 * state of the stub is the same in all of them: a kernel need not know which one it is linked with.
 * WITH_NAME is 0 or 1; IF_NAME(...) is what it holds, or nothing. */
#ifndef FEATURES_H
#define FEATURES_H

#ifdef UNIDBG_WITHOUT_trace /* tracepoints */
#define WITH_TRACE 0
#define IF_TRACE(...)
#else
#define WITH_TRACE 1
#define IF_TRACE(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_agent /* conditions and dprintf in the guest; tracepoints need it */
#define WITH_AGENT 0
#define IF_AGENT(...)
#else
#define WITH_AGENT 1
#define IF_AGENT(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_nonstop /* non-stop mode */
#define WITH_NONSTOP 0
#define IF_NONSTOP(...)
#else
#define WITH_NONSTOP 1
#define IF_NONSTOP(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_lldb /* what LLDB asks; needs vcont and threads */
#define WITH_LLDB 0
#define IF_LLDB(...)
#else
#define WITH_LLDB 1
#define IF_LLDB(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_look /* looks at a running guest in one packet: vUnidbgLook, qUnidbgStood */
#define WITH_LOOK 0
#define IF_LOOK(...)
#else
#define WITH_LOOK 1
#define IF_LOOK(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_bulk /* much at once: x, X, G, registers of a stop, runs, MultiMemRead, searches, sums */
#define WITH_BULK 0
#define IF_BULK(...)
#else
#define WITH_BULK 1
#define IF_BULK(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_vcont /* vCont: steps through a range, and actions of several threads */
#define WITH_VCONT 0
#define IF_VCONT(...)
#else
#define WITH_VCONT 1
#define IF_VCONT(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_monitor /* qRcmd; R and ! of gdb */
#define WITH_MONITOR 0
#define IF_MONITOR(...)
#else
#define WITH_MONITOR 1
#define IF_MONITOR(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_allow /* QAllow: a client forbids itself to change the guest */
#define WITH_ALLOW 0
#define IF_ALLOW(...)
#else
#define WITH_ALLOW 1
#define IF_ALLOW(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_documents /* qXfer, qOffsets; without them a client must know the registers itself, as gdb does */
#define WITH_DOCUMENTS 0
#define IF_DOCUMENTS(...)
#else
#define WITH_DOCUMENTS 1
#define IF_DOCUMENTS(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_copies /* steps off a breakpoint in a copy of the instruction: without it in place, which another CPU may see */
#define WITH_COPIES 0
#define IF_COPIES(...)
#else
#define WITH_COPIES 1
#define IF_COPIES(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_emulation /* steps by emulation: without it all of them are traps; needs copies */
#define WITH_EMULATION 0
#define IF_EMULATION(...)
#else
#define WITH_EMULATION 1
#define IF_EMULATION(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_hardware /* hardware breakpoints and watchpoints */
#define WITH_HARDWARE 0
#define IF_HARDWARE(...)
#else
#define WITH_HARDWARE 1
#define IF_HARDWARE(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_threads /* several threads */
#define WITH_THREADS 0
#define IF_THREADS(...)
#else
#define WITH_THREADS 1
#define IF_THREADS(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_queue /* replies are sent on while the guest runs */
#define WITH_QUEUE 0
#define IF_QUEUE(...)
#else
#define WITH_QUEUE 1
#define IF_QUEUE(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_texts /* reasons and errors in words */
#define WITH_TEXTS 0
#define IF_TEXTS(...)
#else
#define WITH_TEXTS 1
#define IF_TEXTS(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_crash /* the hook of a dump that a dead guest sends (unidbg/crash.h) */
#define WITH_CRASH 0
#define IF_CRASH(...)
#else
#define WITH_CRASH 1
#define IF_CRASH(...) __VA_ARGS__
#endif

#ifdef UNIDBG_WITHOUT_guard /* functions of the port may fault, which is an error then */
#define WITH_GUARD 0
#define IF_GUARD(...)
#else
#define WITH_GUARD 1
#define IF_GUARD(...) __VA_ARGS__
#endif

/* Words for people. */
#define WORDS(text) (WITH_TEXTS ? (text) : 0)

/* Steps can end inside of the stub. */
#define WITH_INNER_STEPS (WITH_EMULATION || WITH_VCONT)

/* A byte of the line is looked at before its time. */
#define WITH_PENDING (WITH_VCONT || WITH_MONITOR)

/* Packets are answered while the guest runs. */
#define WITH_LIVE (WITH_NONSTOP || WITH_LOOK)

#endif
