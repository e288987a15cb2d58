//! Where the line to the host comes from: a port, a serial line, or a socket that the host connects to.

use core::ffi::CStr;

use super::Linux;
use super::lines::decimal;
use super::log::Level;
use super::options::{Method, Options};
use super::port;
use crate::errno::Errno;
use crate::error;
use crate::error::{Error, Part};
use crate::sys::fd::{self, Fd, OpenFlags};
use crate::sys::{socket, terminal};

/// The address of the host in the hypervisor's socket family.
pub const HOST_CID: u32 = 2;

/// Where the line comes from.
#[derive(Debug)]
pub enum Channel {
    /// A virtio-serial port. It stays open when the host hangs up.
    Port {
        /// Its path.
        path: &'static CStr,
    },
    /// A serial line.
    Serial {
        /// Its path.
        path: &'static CStr,
    },
    /// A Unix socket.
    Unix {
        /// Its path.
        path: &'static CStr,
        /// The listening socket.
        listener: Fd,
    },
    /// A socket of the hypervisor.
    Vsock {
        /// Its address.
        path: &'static CStr,
        /// The listening socket.
        listener: Fd,
        /// The only address whose clients are served; `None` for any.
        peer: Option<u32>,
    },
}

impl Channel {
    /// The channel that the options name. Sockets listen from here on; ports and lines are opened by
    /// [`Channel::connect`].
    ///
    /// # Errors
    /// No path or a malformed one; a socket that can not listen.
    pub fn new(options: &Options) -> Result<Self, Error<'static>> {
        let need_path = || options.path.ok_or_else(|| error!["must specify a path for this channel"]);
        match options.method {
            Method::VirtioSerial => Ok(Channel::Port { path: options.path.unwrap_or(port::DEFAULT_PATH) }),
            Method::IsaSerial => Ok(Channel::Serial { path: options.path.unwrap_or(c"/dev/ttyS0") }),
            Method::UnixListen => {
                let path = need_path()?;
                // A socket that a former agent left behind; anything else is not ours to remove.
                if fd::is_socket(path) {
                    let _: Result<(), Errno> = fd::unlink(path);
                }
                match socket::listen_unix(path) {
                    Ok(listener) => Ok(Channel::Unix { path, listener }),
                    Err(Errno::ENAMETOOLONG) => Err(error![
                        "UNIX socket path '",
                        path.to_bytes(),
                        "' is too long: at most ",
                        u64::try_from(socket::UNIX_PATH_BYTES).unwrap_or(0),
                        " bytes"
                    ]),
                    Err(errno) => Err(error!["error opening channel '", path.to_bytes(), "': ", errno]),
                }
            }
            Method::VsockListen => {
                let path = need_path()?;
                let (cid, port) = vsock_address(path)?;
                match socket::listen_vsock(cid, port) {
                    Ok(listener) => Ok(Channel::Vsock { path, listener, peer: options.vsock_peer }),
                    Err(errno) => Err(error!["error opening channel '", path.to_bytes(), "': ", errno]),
                }
            }
        }
    }

    /// Its path or address, for messages.
    pub fn name(&self) -> &'static [u8] {
        match self {
            Channel::Port { path }
            | Channel::Serial { path }
            | Channel::Unix { path, .. }
            | Channel::Vsock { path, .. } => path.to_bytes(),
        }
    }

    /// The socket to wait for, if this channel has one.
    pub fn listener(&self) -> Option<&Fd> {
        match self {
            Channel::Port { .. } | Channel::Serial { .. } => None,
            Channel::Unix { listener, .. } | Channel::Vsock { listener, .. } => Some(listener),
        }
    }

    /// Opens the port or line, or accepts a client. `None` if there is none.
    ///
    /// # Errors
    /// It can not be opened now.
    pub fn connect(&self, guest: &mut Linux) -> Result<Option<Fd>, Errno> {
        match self {
            Channel::Port { path } => guest.open_port(path).map(Some),
            Channel::Serial { path } => open_serial(path).map(Some),
            Channel::Unix { listener, .. } => match socket::accept_unix(listener) {
                Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
                accepted => accepted.map(Some),
            },
            Channel::Vsock { listener, peer, .. } => match socket::accept_vsock(listener) {
                Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
                Err(errno) => Err(errno),
                Ok((client, cid)) if peer.is_none_or(|peer| peer == cid) => Ok(Some(client)),
                Ok((_, cid)) => {
                    let cid = u64::from(cid);
                    guest.log.write(Level::Warning, &[Part::Words("refused a client from CID "), Part::Unsigned(cid)]);
                    Ok(None)
                }
            },
        }
    }
}

fn open_serial(path: &CStr) -> Result<Fd, Errno> {
    let flags = OpenFlags::READ_WRITE.with(OpenFlags::NON_BLOCKING).with(OpenFlags::NO_TERMINAL);
    let line = Fd::open(path, flags)?;
    terminal::make_raw(&line)?;
    Ok(line)
}

/// Reads `CID:PORT`, both in decimal.
fn vsock_address(path: &'static CStr) -> Result<(u32, u32), Error<'static>> {
    let text = path.to_bytes();
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return Err(error!["error parsing address '", text, "'"]);
    };
    let (cid, port) = text.split_at_checked(colon).unwrap_or_default();
    let number = |text| decimal(text).and_then(|(value, rest)| Some((u32::try_from(value).ok()?, rest)));
    let Some((cid, b"")) = number(cid) else { return Err(error!["Failed to parse cid '", cid, "'"]) };
    let port = port.strip_prefix(b":").unwrap_or_default();
    match number(port) {
        Some((port, b"")) => Ok((cid, port)),
        Some(_) => Err(error!["trailing characters in address '", text, "'"]),
        None => Err(error!["Failed to parse port '", port, "'"]),
    }
}
