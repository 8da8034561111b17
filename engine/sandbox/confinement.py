"""Giving up what a Python function must not have: files, the network, other processes.

Linux, landlock(7), seccomp(2): a process without privileges can take these from itself, for good. Landlock leaves
reading of Python's own library, seccomp a list of system calls that computing needs; everything else fails with
EPERM. Runs in the worker's process, with the standard library only.
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2
_LANDLOCK: Final = (444, 445, 446)
"""System calls: create a ruleset, add a rule, restrict oneself; the same on all machines."""
_READ_FILE, _READ_DIR, _EXECUTE = 1 << 2, 1 << 3, 1 << 0
_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 5: 16}
"""Landlock version → how many rights of files there are from it on."""
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050001  # the last: errno EPERM
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
# fmt: off
_CALLS: Final[dict[str, tuple[int, int, dict[str, int]]]] = {
    # machine → audit architecture, openat, what is allowed
    "x86_64": (0xC000003E, 257, {
        "read": 0, "write": 1, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9,
        "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15,
        "ioctl": 16, "pread64": 17, "readv": 19, "writev": 20, "access": 21, "select": 23, "sched_yield": 24,
        "mremap": 25, "madvise": 28, "dup": 32, "nanosleep": 35, "getpid": 39, "exit": 60, "uname": 63, "fcntl": 72,
        "getcwd": 79, "readlink": 89, "gettimeofday": 96, "getrlimit": 97, "sysinfo": 99, "times": 100,
        "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108, "sigaltstack": 131, "arch_prctl": 158,
        "gettid": 186, "futex": 202, "sched_getaffinity": 204, "getdents64": 217, "set_tid_address": 218,
        "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230,
        "exit_group": 231, "newfstatat": 262, "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271,
        "set_robust_list": 273, "getrandom": 318, "statx": 332, "rseq": 334, "faccessat2": 439,
    }),
    "aarch64": (0xC00000B7, 56, {
        "getcwd": 17, "dup": 23, "fcntl": 25, "ioctl": 29, "faccessat": 48, "close": 57, "getdents64": 61,
        "lseek": 62, "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pselect6": 72, "ppoll": 73,
        "readlinkat": 78, "newfstatat": 79, "fstat": 80, "exit": 93, "exit_group": 94, "set_tid_address": 96,
        "futex": 98, "set_robust_list": 99, "nanosleep": 101, "clock_gettime": 113, "clock_getres": 114,
        "clock_nanosleep": 115, "sched_getaffinity": 123, "sched_yield": 124, "restart_syscall": 128,
        "sigaltstack": 132, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153,
        "uname": 160, "getrlimit": 163, "gettimeofday": 169, "getpid": 172, "getuid": 174, "geteuid": 175,
        "getgid": 176, "getegid": 177, "gettid": 178, "sysinfo": 179, "brk": 214, "munmap": 215, "mremap": 216,
        "mmap": 222, "mprotect": 226, "madvise": 233, "getrandom": 278, "statx": 291, "rseq": 293,
        "faccessat2": 439,
    }),
}
# fmt: on


class Unconfined(Exception):
    """This machine cannot confine a process."""


def limit(memory_bytes: int) -> None:
    """Bound memory, and forbid files that grow and core dumps."""
    for kind, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(kind, (most, most))


def confine(readable: Iterable[str]) -> None:
    """Leave nothing but reading below *readable* and computing; raises ``Unconfined`` where that cannot be had."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise Unconfined("no_new_privs")
    _landlock(libc, readable)
    _seccomp(libc)


def _landlock(libc: ctypes.CDLL, readable: Iterable[str]) -> None:
    create, add, restrict = _LANDLOCK
    version = libc.syscall(create, None, 0, 1)
    if version < 1:
        raise Unconfined("landlock")
    rights = max(count for known, count in _RIGHTS.items() if known <= version)
    # Files; from version 4 on TCP; from version 6 on signals and abstract sockets out of here.
    handled = struct.pack("=QQQ", (1 << rights) - 1, 3, 3)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = libc.syscall(create, handled, len(handled), 0)
    if ruleset < 0:
        raise Unconfined("landlock")
    for folder in readable:
        if Path(folder).is_dir():
            place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            rule = struct.pack("=Qi", _READ_FILE | _READ_DIR | _EXECUTE, place)
            libc.syscall(add, ruleset, 1, rule, 0)
            os.close(place)
    if libc.syscall(restrict, ruleset, 0) != 0:
        raise Unconfined("landlock")
    os.close(ruleset)


def _seccomp(libc: ctypes.CDLL) -> None:
    known = _CALLS.get(platform.machine())
    if known is None or sys.maxsize < 2**32:
        raise Unconfined("seccomp")
    architecture, openat, allowed = known
    program = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),
        # Opening a file: to read only.
        (_EQUAL, 0, 4, openat),
        (_LOAD, 0, 0, 32),
        (_ANY_BIT, 0, 1, _WRITES),
        (_RETURN, 0, 0, _REFUSE),
        (_RETURN, 0, 0, _ALLOW),
    ]
    numbers = sorted(allowed.values())
    program += [(_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    program += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = struct.pack("@HP", len(program), ctypes.addressof(code))
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, header, 0, 0) != 0:
        raise Unconfined("seccomp")
