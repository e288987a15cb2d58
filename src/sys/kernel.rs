//! System calls made by their numbers, of which the C library's functions do more than to make them: for kernels older than
//! Linux 2.6.27, for other word sizes, for other threads. That is a few KiB which the agent, which has none of these, needs not.
//!
//! They answer what the C library's functions of the same names answer, with the error in `errno`, and their arguments are
//! the same. So is what they require, and it is the callers who see to it.

use core::ffi::{CStr, c_char, c_int, c_long, c_uint};

#[inline(never)] // smaller so
fn int(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

/// openat(2).
pub(super) unsafe fn openat(directory: c_int, path: *const c_char, flags: c_int, permissions: c_uint) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_openat, directory, path, flags, permissions) })
}

/// fcntl(2), of commands that take a number.
pub(super) unsafe fn fcntl(fd: c_int, command: c_int, argument: c_int) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_fcntl, fd, command, argument) })
}

/// fstatat(2). On 64-bit systems, the only ones that this crate is for, the C library's structure is the kernel's.
pub(super) unsafe fn fstatat(directory: c_int, path: &CStr, status: *mut libc::stat, flags: c_int) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_newfstatat, directory, path.as_ptr(), status, flags) })
}

/// fstat(2); see [`fstatat`].
pub(super) unsafe fn fstat(file: c_int, status: *mut libc::stat) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_fstat, file, status) })
}

/// readlinkat(2).
pub(super) unsafe fn readlinkat(directory: c_int, path: &CStr, buffer: *mut u8, length: usize) -> isize {
    // SAFETY: the caller's.
    let result = unsafe { libc::syscall(libc::SYS_readlinkat, directory, path.as_ptr(), buffer, length) };
    isize::try_from(result).unwrap_or(-1)
}

/// statx(2).
pub(super) unsafe fn statx(
    directory: c_int,
    path: &CStr,
    flags: c_int,
    wanted: c_uint,
    status: *mut libc::statx,
) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_statx, directory, path.as_ptr(), flags, wanted, status) })
}

/// pipe2(2).
pub(super) unsafe fn pipe2(ends: *mut c_int, flags: c_int) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_pipe2, ends, flags) })
}

/// socket(2).
pub(super) unsafe fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_socket, domain, kind, protocol) })
}

/// accept4(2).
pub(super) unsafe fn accept4(
    listener: c_int,
    address: *mut libc::sockaddr,
    length: *mut libc::socklen_t,
    flags: c_int,
) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_accept4, listener, address, length, flags) })
}

/// The kernel's set of signals: a bit each, from number 1 on. The C library's is longer.
pub(super) type SignalSet = u64;

/// The set of one signal.
pub(super) const fn set_of(signal: c_int) -> SignalSet {
    1_u64.wrapping_shl(signal.wrapping_sub(1).cast_unsigned())
}

/// The kernel's form of what a signal does, on x86-64.
#[cfg(target_arch = "x86_64")]
#[repr(C)]
pub(super) struct SignalAction {
    pub(super) handler: libc::sighandler_t,
    pub(super) flags: core::ffi::c_ulong,
    pub(super) restorer: unsafe extern "C" fn(),
    pub(super) mask: SignalSet,
}

/// sigaction(2). The C library's function keeps other threads away meanwhile, and notes which signals have a handler.
#[cfg(target_arch = "x86_64")]
pub(super) unsafe fn sigaction(signal: c_int, action: *const SignalAction) -> c_int {
    let none = core::ptr::null_mut::<SignalAction>();
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_rt_sigaction, signal, action, none, size_of::<SignalSet>()) })
}

/// sigreturn(2): where a handler of a signal comes back to, from where the kernel puts all as it was.
///
/// # Safety
/// Only the kernel may have it called, which it does with the state that it has put on the stack.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
pub(super) unsafe extern "C" fn sigreturn() {
    core::arch::naked_asm!("mov eax, {}", "syscall", const libc::SYS_rt_sigreturn);
}

/// epoll_pwait(2).
pub(super) unsafe fn epoll_pwait(
    epoll: c_int,
    events: *mut libc::epoll_event,
    room: c_int,
    timeout_ms: c_int,
    mask: *const SignalSet,
) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_epoll_pwait, epoll, events, room, timeout_ms, mask, size_of::<SignalSet>()) })
}

/// sigprocmask(2).
pub(super) unsafe fn sigprocmask(how: c_int, mask: *const SignalSet, before: *mut SignalSet) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_rt_sigprocmask, how, mask, before, size_of::<SignalSet>()) })
}

/// clock_gettime(2). The C library's function asks no kernel where it need not, but to find that out it reads a library.
pub(super) unsafe fn clock_gettime(clock: libc::clockid_t, time: *mut libc::timespec) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) })
}

/// nanosleep(2).
pub(super) unsafe fn nanosleep(time: *const libc::timespec) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_nanosleep, time, core::ptr::null_mut::<libc::timespec>()) })
}

/// waitpid(2).
pub(super) unsafe fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_wait4, process, status, options, core::ptr::null_mut::<libc::rusage>()) })
}

/// fchmod(2).
pub(super) unsafe fn fchmod(file: c_int, permissions: c_uint) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_fchmod, file, permissions) })
}

/// fchown(2).
#[cfg(feature = "accounts")]
pub(super) unsafe fn fchown(file: c_int, owner: c_uint, group: c_uint) -> c_int {
    // SAFETY: the caller's.
    int(unsafe { libc::syscall(libc::SYS_fchown, file, owner, group) })
}
