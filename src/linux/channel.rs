//! Where the line to the host comes from: a port, a serial line, or a socket that the host connects to.

use core::ffi::CStr;

use super::Linux;
use super::complaint::{failed, quoted};
use super::lines::decimal;
use super::log::Level;
use super::options::Options;
use super::path::Path;
use crate::errno::Errno;
use crate::error;
use crate::error::{Error, Part};
use crate::sys::fd::{self, Access, Fd, OpenFlags};
use crate::sys::inherited::{self, Kind};
use crate::sys::{process, socket, start, terminal};

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
    Serial,
    /// A socket that clients connect to. It is made as soon as it can be.
    Socket { address: Address, listener: Option<Fd> },
    /// A line that the process was started with, until it is taken. There is no other.
    Inherited { line: Option<Fd>, is_port: bool },
}

#[derive(Clone, Copy, Debug)]
enum Address {
    /// The name is the path.
    Unix,
    /// Only clients of the address `peer` are served, if it is given.
    Vsock { cid: u32, port: u32, peer: Option<u32> },
}

impl Channel {
    /// The channel that the options name. Nothing is opened before [`Channel::listen`] and [`Channel::connect`].
    ///
    /// # Errors
    /// An unknown method; no path or a malformed one; a descriptor that is none.
    pub fn new(options: &Options) -> Result<Self, Error<'static>> {
        let path = options.channel_path();
        let need_path = || path.ok_or_else(|| quoted("must specify a path for this channel", b"", ""));
        let socket = |name, address| Ok(Channel { name, source: Source::Socket { address, listener: None } });
        match options.method.to_bytes() {
            b"virtio-serial" => Ok(Channel { name: need_path()?, source: Source::Port }),
            b"isa-serial" => Ok(Channel { name: need_path()?, source: Source::Serial }),
            b"unix-listen" => {
                let name = need_path()?;
                if name.count_bytes() > socket::UNIX_PATH_BYTES {
                    let limit = u64::try_from(socket::UNIX_PATH_BYTES).unwrap_or(0);
                    let path = name.to_bytes();
                    return Err(error!["UNIX socket path '", path, "' is too long: at most ", limit, " bytes"]);
                }
                socket(name, Address::Unix)
            }
            b"vsock-listen" => {
                let name = need_path()?;
                let (cid, port) = vsock_address(name)?;
                socket(name, Address::Vsock { cid, port, peer: options.vsock_peer })
            }
            b"fd" => Channel::of_descriptor(need_path()?, options),
            other => Err(quoted("unsupported channel method/type: ", other, "")),
        }
    }

    /// The channel over a descriptor that the process was started with: a line, or a socket that listens.
    fn of_descriptor(name: &'static CStr, options: &Options) -> Result<Self, Error<'static>> {
        let text = name.to_bytes();
        let raw = match decimal(text) {
            Some((number, b"")) => i32::try_from(number).ok(),
            _ => None,
        };
        let raw = raw.ok_or_else(|| quoted("option '--path' wants the number of a descriptor, not '", text, "'"))?;
        let fd = inherited::adopt(raw).map_err(|errno| failed("descriptor '", name, errno))?;
        if !inherited::is_both_ways(&fd) {
            return Err(quoted("descriptor '", text, "' is not open for both reading and writing"));
        }
        match inherited::kind(&fd) {
            Some(kind) => Channel::of_kind(name, fd, kind, options.vsock_peer),
            None => Err(quoted("descriptor '", text, "' is no stream socket, terminal or port")),
        }
    }

    fn of_kind(name: &'static CStr, fd: Fd, kind: Kind, peer: Option<u32>) -> Result<Self, Error<'static>> {
        let source = match kind {
            Kind::UnixListener => Source::Socket { address: Address::Unix, listener: Some(fd) },
            Kind::VsockListener => {
                Source::Socket { address: Address::Vsock { cid: 0, port: 0, peer }, listener: Some(fd) }
            }
            Kind::Socket | Kind::Device => Source::Inherited { line: Some(fd), is_port: kind == Kind::Device },
            Kind::Terminal => {
                terminal::make_raw(&fd).map_err(|errno| failed("descriptor '", name, errno))?;
                Source::Inherited { line: Some(fd), is_port: false }
            }
        };
        Ok(Channel { name, source })
    }

    /// The socket that a service manager listens on for the agent, if it has handed one over (sd_listen_fds(3)); the
    /// method of `options` becomes that of the socket. The variables stay in the environment, where they mean nothing to
    /// children: they name this process.
    ///
    /// # Errors
    /// More than one socket, or one of no kind that is known.
    pub fn activated(options: &mut Options) -> Result<Option<Self>, Error<'static>> {
        const FIRST: i32 = 3;
        let number = |name| match decimal(start::environment(name)?.to_bytes()) {
            Some((number, b"")) => Some(number),
            _ => None,
        };
        if number(c"LISTEN_PID") != u64::try_from(process::id()).ok() {
            return Ok(None);
        }
        match number(c"LISTEN_FDS") {
            None | Some(0) => return Ok(None),
            Some(1) => {}
            Some(_) => return Err(quoted("qemu-ga only supports listening on one socket", b"", "")),
        }
        let fd = inherited::adopt(FIRST)
            .map_err(|errno| error!["Socket activation failed: invalid file descriptor fd = 3: ", errno])?;
        let kind = inherited::kind(&fd);
        options.path = None;
        options.method = match kind {
            Some(Kind::UnixListener) => c"unix-listen",
            Some(Kind::VsockListener) => c"vsock-listen",
            _ => return Err(quoted("unsupported listen fd type", b"", "")),
        };
        let peer = options.vsock_peer;
        kind.map(|kind| Channel::of_kind(c"LISTEN_FDS", fd, kind, peer)).transpose()
    }

    /// Its path or address, for messages.
    pub fn name(&self) -> &'static CStr {
        self.name
    }

    /// Whether it is a port, whose host may go and come.
    pub fn is_port(&self) -> bool {
        matches!(self.source, Source::Port | Source::Inherited { is_port: true, .. })
    }

    /// Whether it is a virtio port that may still be plugged in: the kernel tells when it is.
    pub fn may_be_plugged_in(&self) -> bool {
        matches!(self.source, Source::Port)
    }

    /// Whether there will never be a line again.
    pub fn is_spent(&self) -> bool {
        matches!(self.source, Source::Inherited { line: None, .. })
    }

    /// The socket to wait for, if it listens already.
    pub fn listener(&self) -> Option<&Fd> {
        match &self.source {
            Source::Socket { listener, .. } => listener.as_ref(),
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
            Source::Serial => fd::access(None, self.name, Access::READ_WRITE),
            Source::Socket { address: Address::Unix, listener: None } => can_be_written(self.name),
            Source::Socket { address: Address::Vsock { .. }, listener: None } => {
                guest.sys.open(c"bus/virtio/drivers/vmw_vsock_virtio_transport").map(drop).map_err(|_| Errno::ENODEV)
            }
            _ => Ok(()),
        }
    }

    /// Makes the socket to wait for, if this channel wants one and has none.
    ///
    /// # Errors
    /// It can not be made now: there is no such directory or no driver, or the address is in use.
    pub fn listen(&mut self) -> Result<Option<&Fd>, Errno> {
        let Source::Socket { address, listener: listener @ None } = &mut self.source else { return Ok(None) };
        let made = match *address {
            Address::Unix => {
                // A socket that a former agent left behind; anything else is not ours to remove.
                if fd::is_socket(self.name) {
                    let _: Result<(), Errno> = fd::unlink(self.name);
                }
                socket::listen_unix(self.name)?
            }
            Address::Vsock { cid, port, .. } => socket::listen_vsock(cid, port)?,
        };
        Ok(Some(listener.insert(made)))
    }

    /// Opens the port or line, or accepts a client. `None` if there is none.
    ///
    /// # Errors
    /// It can not be opened now.
    pub fn connect(&mut self, guest: &mut Linux) -> Result<Option<Fd>, Errno> {
        let (address, listener) = match &mut self.source {
            Source::Port => return guest.open_port(self.name).map(Some),
            Source::Serial => return open_serial(self.name).map(Some),
            Source::Inherited { line, .. } => return Ok(line.take()),
            Source::Socket { address, listener } => (*address, listener.as_ref().ok_or(Errno::ENOENT)?),
        };
        let accepted = match address {
            Address::Unix => socket::accept_unix(listener).map(|client| (client, None)),
            Address::Vsock { peer, .. } => socket::accept_vsock(listener)
                .map(|(client, cid)| (client, peer.is_some_and(|peer| peer != cid).then_some(cid))),
        };
        match accepted {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(errno) => Err(errno),
            Ok((client, None)) => Ok(Some(client)),
            Ok((_, Some(cid))) => {
                let cid = Part::Unsigned(cid.into());
                guest.log.write(Level::Warning, &[Part::Words("refused a client from CID "), cid]);
                Ok(None)
            }
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
