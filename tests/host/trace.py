#!/usr/bin/env python3
"""Runs a program and writes the number of each of its system calls to a file, as it makes them: two bytes each.

    trace.py FILE PROGRAM ARGUMENT...

So that calls can be counted without strace and perf. The program is the child of this one and ends with it.
"""

import ctypes
import os
import struct
import sys

TRACEME, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 24, 0x4200, 0x420E
TRACESYSGOOD, EXITKILL = 1, 0x100000
SYSCALL_STOP = 5 | 0x80
# struct ptrace_syscall_info: what it is (1: a call begins), and behind the pointers the number of the call.
INFO_BYTES, ENTRY, NUMBER_AT = 88, 1, 24

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.restype = ctypes.c_long
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(what, pid, address=None, data=None):
    answer = libc.ptrace(what, pid, address, data)
    if answer < 0:
        raise OSError(ctypes.get_errno(), "ptrace: " + os.strerror(ctypes.get_errno()))
    return answer


def main():
    log = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    pid = os.fork()
    if pid == 0:
        ptrace(TRACEME, 0)
        os.execv(sys.argv[2], sys.argv[2:])
    os.waitpid(pid, 0)
    ptrace(SETOPTIONS, pid, None, TRACESYSGOOD | EXITKILL)
    info = ctypes.create_string_buffer(INFO_BYTES)
    signal = 0
    while True:
        ptrace(SYSCALL, pid, None, signal)
        _, status = os.waitpid(pid, 0)
        if not os.WIFSTOPPED(status):
            sys.exit(os.waitstatus_to_exitcode(status) & 0xFF)
        signal = os.WSTOPSIG(status)
        if signal == SYSCALL_STOP:
            signal = 0
            ptrace(GET_SYSCALL_INFO, pid, INFO_BYTES, ctypes.addressof(info))
            if info.raw[0] == ENTRY:
                (number,) = struct.unpack_from("Q", info.raw, NUMBER_AT)
                os.write(log, struct.pack("<H", number))


if __name__ == "__main__":
    main()
