//! Descriptors that the process was started with (the protocol of sd_listen_fds(3), and `-m fd`).

use core::ffi::c_int;
use core::mem::size_of;

use super::fd::Fd;
use super::{check, kernel};
use crate::errno::Errno;

/// What an inherited descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Unix socket that clients connect to.
    UnixListener,
    /// A socket of the hypervisor that clients connect to.
    VsockListener,
    /// A socket that is connected.
    Socket,
    /// A terminal: a serial line.
    Terminal,
    /// Another character device, such as a virtio port.
    Device,
}

/// Takes a descriptor over, so that it is not handed to children and never blocks. What belongs to this process stays with
/// it: the descriptor is doubled.
///
/// # Errors
/// `EBADF` if it is not open.
pub fn adopt(raw: c_int) -> Result<Fd, Errno> {
    // SAFETY: the calls touch no memory. On success the descriptor is new.
    unsafe {
        check(kernel::fcntl(raw, libc::F_SETFD, libc::FD_CLOEXEC))?;
        let fd = Fd::from_raw(check(kernel::fcntl(raw, libc::F_DUPFD_CLOEXEC, libc::STDERR_FILENO + 1))?);
        let flags = check(kernel::fcntl(raw, libc::F_GETFL, 0))?;
        check(kernel::fcntl(raw, libc::F_SETFL, flags | libc::O_NONBLOCK))?;
        Ok(fd)
    }
}

/// Whether it is open for reading and for writing.
pub fn is_both_ways(fd: &Fd) -> bool {
    // SAFETY: the call touches no memory.
    let flags = unsafe { kernel::fcntl(fd.raw(), libc::F_GETFL, 0) };
    flags != -1 && flags & libc::O_ACCMODE == libc::O_RDWR
}

/// What it is; `None` for what can be no line to the host: files, pipes, sockets of other families that listen.
pub fn kind(fd: &Fd) -> Option<Kind> {
    if fd.is_character_device() {
        // SAFETY: all-zero is a valid value of this plain structure.
        let mut settings: libc::termios = unsafe { core::mem::zeroed() };
        // SAFETY: the descriptor is open and the structure writable.
        let is_terminal = unsafe { libc::tcgetattr(fd.raw(), &raw mut settings) } == 0;
        return Some(if is_terminal { Kind::Terminal } else { Kind::Device });
    }
    match (option(fd, libc::SO_ACCEPTCONN)?, option(fd, libc::SO_DOMAIN)?) {
        (0, _) if option(fd, libc::SO_TYPE) == Some(libc::SOCK_STREAM) => Some(Kind::Socket),
        (1, libc::AF_UNIX) => Some(Kind::UnixListener),
        (1, libc::AF_VSOCK) => Some(Kind::VsockListener),
        _ => None,
    }
}

/// An option of a socket, of those that are numbers; `None` if it is no socket.
fn option(fd: &Fd, name: c_int) -> Option<c_int> {
    let mut value: c_int = 0;
    let mut length = libc::socklen_t::try_from(size_of::<c_int>()).ok()?;
    // SAFETY: the value is writable for `length`, and the call keeps no pointer.
    let result =
        unsafe { libc::getsockopt(fd.raw(), libc::SOL_SOCKET, name, (&raw mut value).cast(), &raw mut length) };
    (result == 0).then_some(value)
}
