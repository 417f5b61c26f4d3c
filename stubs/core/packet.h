/* SPDX-License-Identifier: BSD-3-Clause */
/* The handlers of packets, by the module that has them. Each reads its arguments from `scan`, which stands
 * behind the packet's name, and says what happens next. */
#ifndef PACKET_H
#define PACKET_H

#include <unidbg/stub.h>

#include "reply.h"
#include "scan.h"

typedef enum verdict handler(struct unidbg_stub *stub, struct scan *scan);

/* Find the handler of the packet in `in`, run it, send its reply. */
enum verdict packet_handle(struct unidbg_stub *stub);

/* registers.c */
handler packet_g, packet_G, packet_p, packet_P;
/* memory.c */
handler packet_m, packet_M, packet_x, packet_X;
/* gather.c */
handler packet_MultiMemRead;
/* breakpoints.c */
handler packet_Z;
/* resume.c */
handler packet_resume, packet_D, packet_k;
/* vcont.c */
handler packet_vCont, packet_vCont_question;
/* threads.c */
handler packet_H, packet_T, packet_qC, packet_qfThreadInfo, packet_qsThreadInfo, packet_qThreadExtraInfo;
/* session.c */
handler packet_question, packet_qSupported, packet_QStartNoAckMode, packet_qAttached, packet_QUnidbgLease,
    packet_qUnidbgStop, packet_qUnidbgStood;
/* xfer.c */
handler packet_qXfer, packet_qOffsets;
/* nonstop.c */
handler packet_QNonStop, packet_vStopped, packet_vCtrlC;
/* trace.c, tracelist.c: prefixes */
handler packet_QT, packet_qT;
/* What is behind QTFrame: */
enum verdict trace_select(struct unidbg_stub *stub, struct scan *scan);
/* allow.c */
handler packet_QAllow;
/* search.c */
handler packet_qSearch, packet_qCRC;
/* monitor.c */
handler packet_qRcmd, packet_R, packet_bang;
/* lldb.c */
handler packet_QEnableErrorStrings, packet_QThreadSuffixSupported, packet_QListThreadsInStopReply,
    packet_qHostInfo, packet_qProcessInfo, packet_qMemoryRegionInfo, packet_jThreadsInfo;

#endif
