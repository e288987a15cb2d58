//! Sockets that the host connects to.

use core::ffi::CStr;

#[cfg(feature = "unix-listen")]
use super::can_be_written;
use crate::errno::Errno;
#[cfg(feature = "unix-listen")]
use crate::error;
use crate::error::Error;
#[cfg(feature = "vsock-listen")]
use crate::error::Part;
use crate::linux::Linux;
#[cfg(feature = "vsock-listen")]
use crate::linux::complaint::quoted;
#[cfg(feature = "vsock-listen")]
use crate::linux::lines::decimal;
#[cfg(feature = "vsock-listen")]
use crate::linux::log::Level;
#[cfg(feature = "unix-listen")]
use crate::sys::fd;
use crate::sys::fd::Fd;
use crate::sys::socket;

/// A socket that clients connect to. It is made as soon as it can be.
#[derive(Debug)]
pub(super) struct Listening {
    address: Address,
    socket: Option<Fd>,
}

#[derive(Clone, Copy, Debug)]
enum Address {
    /// The name of the channel is the path.
    #[cfg(feature = "unix-listen")]
    Unix,
    /// Only clients of the address `peer` are served, if it is given.
    #[cfg(feature = "vsock-listen")]
    Vsock { cid: u32, port: u32, peer: Option<u32> },
}

impl Listening {
    /// A socket at the path that is the name of the channel; `socket` if it listens already.
    #[cfg(feature = "unix-listen")]
    pub(super) const fn unix(socket: Option<Fd>) -> Self {
        Listening { address: Address::Unix, socket }
    }

    /// A socket of the hypervisor's; `socket` if it listens already.
    #[cfg(feature = "vsock-listen")]
    pub(super) const fn vsock(cid: u32, port: u32, peer: Option<u32>, socket: Option<Fd>) -> Self {
        Listening { address: Address::Vsock { cid, port, peer }, socket }
    }

    /// The socket, if it listens already.
    pub(super) fn socket(&self) -> Option<&Fd> {
        self.socket.as_ref()
    }

    /// See [`super::Channel::look`].
    pub(super) fn look(&self, name: &CStr, guest: &mut Linux) -> Result<(), Errno> {
        let _ = (name, &guest);
        match self.address {
            _ if self.socket.is_some() => Ok(()),
            #[cfg(feature = "unix-listen")]
            Address::Unix => can_be_written(name),
            #[cfg(feature = "vsock-listen")]
            Address::Vsock { .. } => {
                guest.sys.open(c"bus/virtio/drivers/vmw_vsock_virtio_transport").map(drop).map_err(|_| Errno::ENODEV)
            }
        }
    }

    /// See [`super::Channel::listen`].
    pub(super) fn listen(&mut self, name: &CStr) -> Result<Option<&Fd>, Errno> {
        let _ = name;
        if self.socket.is_some() {
            return Ok(None);
        }
        let made = match self.address {
            #[cfg(feature = "unix-listen")]
            Address::Unix => {
                // A socket that a former agent left behind; anything else is not ours to remove.
                if fd::is_socket(name) {
                    let _: Result<(), Errno> = fd::unlink(name);
                }
                socket::listen_unix(name)?
            }
            #[cfg(feature = "vsock-listen")]
            Address::Vsock { cid, port, .. } => socket::listen_vsock(cid, port)?,
        };
        Ok(Some(self.socket.insert(made)))
    }

    /// Accepts a client. `None` if there is none.
    ///
    /// # Errors
    /// Those of accept4(2).
    pub(super) fn accept(&self, guest: &Linux) -> Result<Option<Fd>, Errno> {
        let _ = guest;
        let listener = self.socket.as_ref().ok_or(Errno::ENOENT)?;
        let accepted = match self.address {
            #[cfg(feature = "unix-listen")]
            Address::Unix => socket::accept_unix(listener).map(Some),
            #[cfg(feature = "vsock-listen")]
            Address::Vsock { peer, .. } => socket::accept_vsock(listener).map(|(client, cid)| {
                if peer.is_none_or(|peer| peer == cid) {
                    return Some(client);
                }
                let cid = Part::Unsigned(cid.into());
                guest.log.write(Level::Warning, &[Part::Words("refused a client from CID "), cid]);
                None
            }),
        };
        match accepted {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            accepted => accepted,
        }
    }
}

/// Whether a path is one for a socket.
///
/// # Errors
/// It is too long.
#[cfg(feature = "unix-listen")]
pub(super) fn check_path(path: &'static CStr) -> Result<(), Error<'static>> {
    let text = path.to_bytes();
    if text.len() <= socket::UNIX_PATH_BYTES {
        return Ok(());
    }
    let limit = u64::try_from(socket::UNIX_PATH_BYTES).unwrap_or(0);
    Err(error!["UNIX socket path '", text, "' is too long: at most ", limit, " bytes"])
}

/// Reads `CID:PORT`, both in decimal.
///
/// # Errors
/// It is none.
#[cfg(feature = "vsock-listen")]
pub(super) fn vsock_address(path: &'static CStr) -> Result<(u32, u32), Error<'static>> {
    let text = path.to_bytes();
    let Some(colon) = text.iter().position(|&byte| byte == b':') else {
        return Err(quoted("error parsing address '", text, "'"));
    };
    let (cid, port) = text.split_at_checked(colon).unwrap_or_default();
    let number = |text| decimal(text).and_then(|(value, rest)| Some((u32::try_from(value).ok()?, rest)));
    let Some((cid, b"")) = number(cid) else { return Err(quoted("Failed to parse cid '", cid, "'")) };
    let port = port.strip_prefix(b":").unwrap_or_default();
    match number(port) {
        Some((port, b"")) => Ok((cid, port)),
        Some(_) => Err(quoted("trailing characters in address '", text, "'")),
        None => Err(quoted("Failed to parse port '", port, "'")),
    }
}
