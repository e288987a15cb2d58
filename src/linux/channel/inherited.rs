//! Descriptors that the process was started with, as lines to the host.

use core::ffi::CStr;

#[cfg(any(feature = "unix-listen", feature = "vsock-listen"))]
use super::Listening;
use super::{Channel, Source};
use crate::error;
use crate::error::Error;
use crate::linux::complaint::{failed, quoted};
use crate::linux::lines::decimal;
use crate::linux::options::{LEFT_OUT, Options};
use crate::sys::fd::Fd;
use crate::sys::inherited::{self, Kind};
use crate::sys::{process, start, terminal};

impl Channel {
    /// The channel over a descriptor that the process was started with: a line, or a socket that listens.
    pub(super) fn of_descriptor(name: &'static CStr, options: &Options) -> Result<Self, Error<'static>> {
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
            Some(kind) => Channel::of_kind(name, fd, kind, options),
            None => Err(quoted("descriptor '", text, "' is no stream socket, terminal or port")),
        }
    }

    fn of_kind(name: &'static CStr, fd: Fd, kind: Kind, options: &Options) -> Result<Self, Error<'static>> {
        let _ = options;
        let source = match kind {
            #[cfg(feature = "unix-listen")]
            Kind::UnixListener => Source::Listening(Listening::unix(Some(fd))),
            #[cfg(feature = "vsock-listen")]
            Kind::VsockListener => Source::Listening(Listening::vsock(0, 0, options.vsock_peer, Some(fd))),
            Kind::Socket | Kind::Device => Source::Inherited { line: Some(fd), is_port: kind == Kind::Device },
            Kind::Terminal => {
                terminal::make_raw(&fd).map_err(|errno| failed("descriptor '", name, errno))?;
                Source::Inherited { line: Some(fd), is_port: false }
            }
            #[allow(unreachable_patterns)] // if nothing was left out
            _ => return Err(error!["the channel method for such a descriptor ", LEFT_OUT]),
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
        kind.map(|kind| Channel::of_kind(c"LISTEN_FDS", fd, kind, options)).transpose()
    }
}
