//! Listening sockets (unix(7), vsock(7)) and the kernel's device events (netlink(7)).

use core::ffi::{CStr, c_int};
use core::mem::size_of;

use super::fd::Fd;
use super::{check, kernel};
use crate::errno::Errno;

/// The longest path of a Unix socket, in bytes without its NUL.
pub const UNIX_PATH_BYTES: usize = 107;

pub(super) fn socket(domain: c_int, kind: c_int, protocol: c_int) -> Result<Fd, Errno> {
    // SAFETY: the call touches no memory; on success the descriptor is new.
    check(unsafe { kernel::socket(domain, kind | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK, protocol) })
        .map(Fd::from_raw)
}

fn bind<T>(fd: &Fd, address: &T) -> Result<(), Errno> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the address is readable for its length, which is that of a whole structure, and the call keeps no pointer.
    check(unsafe { libc::bind(fd.raw(), (&raw const *address).cast(), length) }).map(drop)
}

fn listen(fd: &Fd) -> Result<(), Errno> {
    // SAFETY: the call touches no memory.
    check(unsafe { libc::listen(fd.raw(), 1) }).map(drop)
}

pub(super) fn family(domain: c_int) -> libc::sa_family_t {
    libc::sa_family_t::try_from(domain).unwrap_or_default()
}

/// The address of the Unix socket at `path`.
fn unix_address(path: &CStr) -> Result<libc::sockaddr_un, Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut address: libc::sockaddr_un = unsafe { core::mem::zeroed() };
    address.sun_family = family(libc::AF_UNIX);
    let bytes = path.to_bytes();
    if bytes.len() > UNIX_PATH_BYTES {
        return Err(Errno::ENAMETOOLONG);
    }
    for (to, &from) in address.sun_path.iter_mut().zip(bytes) {
        *to = core::ffi::c_char::from_ne_bytes([from]);
    }
    Ok(address)
}

/// Listens at a path, with the permissions 0600.
///
/// # Errors
/// `ENAMETOOLONG` for a path of more than [`UNIX_PATH_BYTES`]; those of socket(2), bind(2), listen(2).
pub fn listen_unix(path: &CStr) -> Result<Fd, Errno> {
    let address = unix_address(path)?;
    let fd = socket(libc::AF_UNIX, libc::SOCK_STREAM, 0)?;
    // Between bind and chmod anyone could connect, so the permissions are right from the start.
    let before = super::fd::set_umask(0o177);
    let bound = bind(&fd, &address);
    super::fd::set_umask(before);
    bound?;
    listen(&fd)?;
    Ok(fd)
}

/// Listens on a port of the hypervisor's socket family. `VMADDR_CID_ANY` is any address of this machine.
///
/// # Errors
/// Those of socket(2), bind(2), listen(2).
pub fn listen_vsock(cid: u32, port: u32) -> Result<Fd, Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut address: libc::sockaddr_vm = unsafe { core::mem::zeroed() };
    address.svm_family = family(libc::AF_VSOCK);
    address.svm_cid = cid;
    address.svm_port = port;
    let fd = socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0)?;
    bind(&fd, &address)?;
    listen(&fd)?;
    Ok(fd)
}

/// Accepts a client of a Unix socket.
///
/// # Errors
/// Those of accept4(2).
pub fn accept_unix(listener: &Fd) -> Result<Fd, Errno> {
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no address is asked for; on success the descriptor is new.
    check(unsafe { kernel::accept4(listener.raw(), core::ptr::null_mut(), core::ptr::null_mut(), flags) })
        .map(Fd::from_raw)
}

/// Accepts a client of the hypervisor's socket family; answers its address (CID) as well.
///
/// # Errors
/// Those of accept4(2).
pub fn accept_vsock(listener: &Fd) -> Result<(Fd, u32), Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut address: libc::sockaddr_vm = unsafe { core::mem::zeroed() };
    let mut length = libc::socklen_t::try_from(size_of::<libc::sockaddr_vm>()).map_err(|_| Errno::EINVAL)?;
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: the address is writable for `length`, and the call keeps no pointer. On success the descriptor is new.
    let raw = check(unsafe { kernel::accept4(listener.raw(), (&raw mut address).cast(), &raw mut length, flags) })?;
    Ok((Fd::from_raw(raw), address.svm_cid))
}

/// A socket that tells of devices that come, go and change, as the kernel sees them.
///
/// # Errors
/// Those of socket(2) and bind(2): some kernels are built without it, and sandboxes forbid it.
pub fn device_events() -> Result<Fd, Errno> {
    const KERNEL_GROUP: u32 = 1;
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut address: libc::sockaddr_nl = unsafe { core::mem::zeroed() };
    address.nl_family = family(libc::AF_NETLINK);
    address.nl_groups = KERNEL_GROUP;
    let fd = socket(libc::AF_NETLINK, libc::SOCK_DGRAM, libc::NETLINK_KOBJECT_UEVENT)?;
    bind(&fd, &address)?;
    Ok(fd)
}

/// A socket for single messages to the one at `path`, which must be short.
///
/// # Errors
/// Those of socket(2) and connect(2): `ENOENT` if nobody listens there.
pub fn datagrams_to(path: &CStr) -> Result<Fd, Errno> {
    let fd = socket(libc::AF_UNIX, libc::SOCK_DGRAM, 0)?;
    connect_unix(&fd, path)?;
    Ok(fd)
}

/// Connects a Unix socket, anew if it was connected to one that is gone.
///
/// # Errors
/// Those of connect(2).
pub fn connect_unix(fd: &Fd, path: &CStr) -> Result<(), Errno> {
    let address = unix_address(path)?;
    let length = libc::socklen_t::try_from(size_of::<libc::sockaddr_un>()).map_err(|_| Errno::EINVAL)?;
    // SAFETY: the address is readable for its length, and the call keeps no pointer.
    check(unsafe { libc::connect(fd.raw(), (&raw const address).cast(), length) }).map(drop)
}
