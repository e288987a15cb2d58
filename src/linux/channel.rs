//! Where the line to the host comes from: a port, a serial line, a socket that the host connects to, or a descriptor that the
//! process was started with. All but the port are features of the build.

#[cfg(feature = "inherited-fd")]
mod inherited;
#[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
mod listening;

use core::ffi::CStr;

use super::Linux;
use super::complaint::quoted;
use super::options::{LEFT_OUT, Options};
use super::path::Path;
use crate::bytes::position;
use crate::errno::Errno;
use crate::error;
use crate::error::Error;
#[cfg(feature = "isa-serial")]
use crate::sys::fd::OpenFlags;
use crate::sys::fd::{self, Access, Fd};
#[cfg(feature = "isa-serial")]
use crate::sys::terminal;
#[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
use listening::Listening;

/// The address of the host in the hypervisor's socket family.
pub const HOST_CID: u32 = 2;

/// Where the line comes from.
#[derive(Debug)]
pub struct Channel {
    /// Its path or address, for messages.
    name: &'static CStr,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// A virtio-serial port, by its path. It stays open when the host hangs up.
    Port,
    /// A serial line, by its path.
    #[cfg(feature = "isa-serial")]
    Serial,
    /// A socket that clients connect to.
    #[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
    Listening(Listening),
    /// A line that the process was started with, until it is taken. There is no other.
    #[cfg(feature = "inherited-fd")]
    Inherited { line: Option<Fd>, is_port: bool },
}

/// The methods that may be left out.
const METHODS: &[u8] = b"isa-serial unix-listen vsock-listen fd";
const SOME_ARE_LEFT_OUT: bool =
    !cfg!(all(feature = "isa-serial", feature = "unix-listen", feature = "vsock-listen", feature = "inherited-fd"));

impl Channel {
    /// The channel that the options name. Nothing is opened before [`Channel::listen`] and [`Channel::connect`].
    ///
    /// # Errors
    /// An unknown method; no path or a malformed one; a descriptor that is none.
    pub fn new(options: &Options) -> Result<Self, Error<'static>> {
        let path = options.channel_path();
        let need_path = || path.ok_or_else(|| quoted("must specify a path for this channel", b"", ""));
        match options.method.to_bytes() {
            b"virtio-serial" => Ok(Channel { name: need_path()?, source: Source::Port }),
            #[cfg(feature = "isa-serial")]
            b"isa-serial" => Ok(Channel { name: need_path()?, source: Source::Serial }),
            #[cfg(feature = "unix-listen")]
            b"unix-listen" => {
                let name = need_path()?;
                listening::check_path(name)?;
                Ok(Channel { name, source: Source::Listening(Listening::unix(None)) })
            }
            #[cfg(feature = "vsock-listen")]
            b"vsock-listen" => {
                let name = need_path()?;
                let (cid, port) = listening::vsock_address(name)?;
                Ok(Channel { name, source: Source::Listening(Listening::vsock(cid, port, options.vsock_peer, None)) })
            }
            #[cfg(feature = "inherited-fd")]
            b"fd" => Channel::of_descriptor(need_path()?, options),
            other if SOME_ARE_LEFT_OUT && position(METHODS, other).is_some() => {
                Err(error!["channel method '", other, "' ", LEFT_OUT])
            }
            other => Err(quoted("unsupported channel method/type: ", other, "")),
        }
    }

    /// The socket that a service manager listens on for the agent: left out, and so is looking for one.
    ///
    /// # Errors
    /// None.
    #[cfg(not(feature = "inherited-fd"))]
    pub fn activated(_: &mut Options) -> Result<Option<Self>, Error<'static>> {
        Ok(None)
    }

    /// Its path or address, for messages.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// Whether it is a port, whose host may go and come.
    pub fn is_port(&self) -> bool {
        match self.source {
            Source::Port => true,
            #[cfg(feature = "inherited-fd")]
            Source::Inherited { is_port, .. } => is_port,
            #[allow(unreachable_patterns)] // if there is no other
            _ => false,
        }
    }

    /// Whether it is a virtio port that may still be plugged in: the kernel tells when it is.
    pub fn may_be_plugged_in(&self) -> bool {
        matches!(self.source, Source::Port)
    }

    /// Whether there will never be a line again.
    pub fn is_spent(&self) -> bool {
        match self.source {
            #[cfg(feature = "inherited-fd")]
            Source::Inherited { line: None, .. } => true,
            _ => false,
        }
    }

    /// The socket to wait for, if it listens already.
    pub fn listener(&self) -> Option<&Fd> {
        match &self.source {
            #[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
            Source::Listening(listening) => listening.socket(),
            _ => None,
        }
    }

    /// Whether it can be had now, as far as that is seen without opening it.
    ///
    /// # Errors
    /// There is no such device or directory, or it may not be used.
    #[inline(never)] // smaller so
    pub fn look(&self, guest: &mut Linux) -> Result<(), Errno> {
        match &self.source {
            Source::Port => guest.look_for_port(self.name),
            #[cfg(feature = "isa-serial")]
            Source::Serial => fd::access(None, self.name, Access::READ_WRITE),
            #[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
            Source::Listening(listening) => listening.look(self.name, guest),
            #[cfg(feature = "inherited-fd")]
            Source::Inherited { .. } => Ok(()),
        }
    }

    /// Makes the socket to wait for, if this channel wants one and has none.
    ///
    /// # Errors
    /// It can not be made now: there is no such directory or no driver, or the address is in use.
    pub fn listen(&mut self) -> Result<Option<&Fd>, Errno> {
        match &mut self.source {
            #[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
            Source::Listening(listening) => listening.listen(self.name),
            _ => Ok(None),
        }
    }

    /// Opens the port or line, or accepts a client. `None` if there is none.
    ///
    /// # Errors
    /// It can not be opened now.
    pub fn connect(&mut self, guest: &mut Linux) -> Result<Option<Fd>, Errno> {
        match &mut self.source {
            Source::Port => guest.open_port(self.name).map(Some),
            #[cfg(feature = "isa-serial")]
            Source::Serial => open_serial(self.name).map(Some),
            #[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
            Source::Listening(listening) => listening.accept(guest),
            #[cfg(feature = "inherited-fd")]
            Source::Inherited { line, .. } => Ok(line.take()),
        }
    }
}

/// Whether a file can be written, or made.
///
/// # Errors
/// Those of access(2).
pub fn can_be_written(path: &CStr) -> Result<(), Errno> {
    match fd::access(None, path, Access::WRITE) {
        Err(Errno::ENOENT) => {}
        looked => return looked,
    }
    let end = path.to_bytes().iter().rposition(|&byte| byte == b'/');
    let directory = path.to_bytes().get(..end.map_or(0, |end| end.max(1))).unwrap_or_default();
    let directory = Path::of(&[directory, if end.is_none() { b"." } else { b"" }]);
    fd::access(None, directory.ok_or(Errno::ENAMETOOLONG)?.as_c_str(), Access::WRITE)
}

#[cfg(feature = "isa-serial")]
fn open_serial(path: &CStr) -> Result<Fd, Errno> {
    let flags = OpenFlags::READ_WRITE.with(OpenFlags::NON_BLOCKING).with(OpenFlags::NO_TERMINAL);
    let line = Fd::open(path, flags)?;
    terminal::make_raw(&line)?;
    Ok(line)
}
