//! Asking the kernel about the network: rtnetlink(7).

use core::ffi::c_int;
use core::mem::size_of;

use super::fd::Fd;
use super::socket::{family, socket};
use super::{check, check_length};
use crate::errno::Errno;

/// Has the kernel obey the filters in the header of a request, since 4.20; the `libc` package does not have it.
const NETLINK_GET_STRICT_CHK: c_int = 12;

/// A socket for requests that tell of links and addresses; write a request to it, then [`peek`] at the answers. Nothing
/// blocks, and no other process can put an answer in.
///
/// # Errors
/// Those of socket(2) and connect(2): some kernels are built without it, and sandboxes forbid it.
pub fn route() -> Result<Fd, Errno> {
    let fd = socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE)?;
    let on: c_int = 1;
    let length = libc::socklen_t::try_from(size_of::<c_int>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the number is readable for its length, and the call keeps no pointer. A kernel that refuses ignores
    // filters, which its answers show.
    unsafe {
        libc::setsockopt(fd.raw(), libc::SOL_NETLINK, NETLINK_GET_STRICT_CHK, (&raw const on).cast(), length);
    }
    // SAFETY: all-zero is a valid value of this plain structure: port 0, which is the kernel.
    let mut address: libc::sockaddr_nl = unsafe { core::mem::zeroed() };
    address.nl_family = family(libc::AF_NETLINK);
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_nl>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the address is readable for its length, which is that of a whole structure, and the call keeps no pointer.
    check(unsafe { libc::connect(fd.raw(), (&raw const address).cast(), length) })?;
    Ok(fd)
}

/// Copies the datagram at the head of the queue and leaves it there. Answers its length, which is more than that of the
/// buffer if it was cut.
///
/// # Errors
/// Those of recv(2): `EAGAIN` if there is none.
pub fn peek(socket: &Fd, buffer: &mut [u8]) -> Result<usize, Errno> {
    let flags = libc::MSG_PEEK | libc::MSG_TRUNC;
    // SAFETY: the buffer is writable for its length, and the call keeps no pointer.
    check_length(unsafe { libc::recv(socket.raw(), buffer.as_mut_ptr().cast(), buffer.len(), flags) })
}

/// Takes the datagram at the head of the queue off it.
///
/// # Errors
/// Those of recv(2).
pub fn discard(socket: &Fd) -> Result<(), Errno> {
    // SAFETY: nothing is written to the buffer, whose length is 0.
    check_length(unsafe { libc::recv(socket.raw(), core::ptr::NonNull::<u8>::dangling().as_ptr().cast(), 0, 0) })
        .map(drop)
}
