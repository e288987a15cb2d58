//! Messages. Where they go: to the log file, if there is one; else to standard error; else, in the background, without a
//! standard error, and as process 1, to the system log (`/dev/log`), or, where nothing listens there, to the kernel's
//! (`/dev/kmsg`).
//!
//! In a file and on standard error a line is `SECONDS.MICROSECONDS: LEVEL: text`, as qemu-ga writes it; in the other places
//! `picoqga[PID]: LEVEL: text`, because they have clocks of their own.
//!
//! That a command was called goes to the system log as well, whatever else goes where, as qemu-ga has it. Nothing of its
//! arguments is ever written: there are passwords among them.
//!
//! Without the feature `log` nothing is written but why the agent does not start, or cannot go on, to standard error.

use core::ffi::CStr;

use crate::errno::Errno;
use crate::error::{Error, Part};
use crate::json::write::decimal;
use crate::sys::fd::{Fd, OpenFlags};
use crate::sys::{process, socket, start, system};

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The agent cannot go on.
    Critical,
    /// What was asked for failed.
    Error,
    /// Worth knowing; written with `--verbose` only, like all below.
    Warning,
    /// What goes on.
    Info,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Level::Critical => "critical",
            Level::Error => "error",
            Level::Warning => "warning",
            Level::Info => "info",
        }
    }

    /// The digits of its priority in the system log (syslog(3)), as a daemon's.
    const fn priority(self) -> &'static str {
        match self {
            Level::Critical => "<26>",
            Level::Error => "<27>",
            Level::Warning => "<28>",
            Level::Info => "<30>",
        }
    }
}

/// Where the system log listens.
const SYSTEM_LOG: &CStr = c"/dev/log";

/// Where messages go.
#[derive(Debug)]
pub struct Log {
    place: Place,
    /// The system log, if there is one.
    system: Option<Fd>,
    verbose: bool,
    is_muted: bool,
}

#[derive(Debug)]
enum Place {
    StandardError,
    File(Fd),
    Kernel(Fd),
    System,
}

/// Gives the text of a message in pieces.
type Pieces<'p> = dyn Fn(&mut dyn FnMut(&[u8])) + 'p;

/// The longest message, in bytes; a longer one is cut.
const LINE_BYTES: usize = 1024;

/// A line of text under construction, cut where it is full.
struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    #[inline(never)]
    fn put(&mut self, text: &[u8]) {
        // The last byte is kept for the line feed.
        let room = self.bytes.get_mut(self.length..LINE_BYTES.saturating_sub(1)).unwrap_or_default();
        let count = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
        }
        self.length = self.length.saturating_add(count);
    }

    #[inline(never)]
    fn put_number(&mut self, value: i64) {
        self.put(decimal(value.unsigned_abs(), &mut [0; 20]));
    }

    fn put_time(&mut self) {
        let time_us = system::real_time_ns().unwrap_or(0) / 1000;
        self.put_number(time_us / 1_000_000);
        self.put(b".");
        let mut digits = [0; 20];
        // A leading 1 keeps the zeros behind it.
        let fraction = decimal((time_us % 1_000_000).saturating_add(1_000_000).unsigned_abs(), &mut digits);
        self.put(fraction.get(1..).unwrap_or_default());
    }

    /// The whole line, with its line feed if `end` says so.
    fn text(&mut self, end: bool) -> &[u8] {
        let length = self.length.min(LINE_BYTES.saturating_sub(1));
        if let Some(last) = self.bytes.get_mut(length) {
            *last = b'\n';
        }
        self.bytes.get(..length.saturating_add(usize::from(end))).unwrap_or_default()
    }
}

impl Log {
    /// Messages to standard error, or to `file`.
    pub fn new(file: Option<Fd>, verbose: bool) -> Self {
        Log { place: file.map_or(Place::StandardError, Place::File), system: None, verbose, is_muted: false }
    }

    /// From now on messages go to `file`.
    pub fn write_to(&mut self, file: Fd) {
        self.place = Place::File(file);
    }

    /// Drops all messages, or no longer: while file systems are frozen one could wait for the thaw, and with it the agent.
    pub fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    /// Looks for the system log, if it was not there yet.
    pub fn find_system_log(&mut self) {
        if cfg!(feature = "log") && self.system.is_none() {
            self.system = socket::datagrams_to(SYSTEM_LOG).ok();
        }
    }

    /// Standard error will not do any more: what went there goes to the system's log, or to the kernel's.
    pub fn leave_standard_error(&mut self) {
        self.find_system_log();
        if cfg!(feature = "log")
            && let Place::StandardError = self.place
        {
            let kernel = || Fd::open(c"/dev/kmsg", OpenFlags::WRITE.with(OpenFlags::NO_TERMINAL));
            self.place = match &self.system {
                Some(_) => Place::System,
                None => kernel().map_or(Place::StandardError, Place::Kernel),
            };
        }
    }

    /// Writes a message. What cannot be written is lost: a log must never stop the agent.
    pub fn write(&self, level: Level, parts: &[Part<'_>]) {
        if cfg!(feature = "log") {
            self.write_pieces(level, &|piece| parts.iter().for_each(|part| part.pieces(piece)));
        }
    }

    /// Writes the text of an error as a message.
    pub fn error(&self, level: Level, error: &Error<'_>) {
        self.write_pieces(level, &|piece| error.pieces(piece));
    }

    fn write_pieces(&self, level: Level, pieces: &Pieces<'_>) {
        if !cfg!(feature = "log") {
            start::write_to_standard_error(b"picoqga: ");
            pieces(&mut start::write_to_standard_error);
            start::write_to_standard_error(b"\n");
        } else if !self.is_muted && (self.verbose || !matches!(level, Level::Warning | Level::Info)) {
            self.put(&self.place, level, pieces);
        }
    }

    /// Writes that a command was called: to the system log in any case, and where other messages go, if those that are of
    /// no consequence do.
    pub fn called(&self, command: &'static str) {
        if self.system.is_none() && !self.verbose {
            return;
        }
        let parts = [Part::Words(command), Part::Words(" called")];
        if !cfg!(feature = "log") {
            return;
        }
        if self.system.is_some() && !self.is_muted {
            self.put(&Place::System, Level::Info, &|piece| parts.iter().for_each(|part| part.pieces(piece)));
        }
        if !matches!(self.place, Place::System) {
            self.write(Level::Info, &parts);
        }
    }

    fn put(&self, place: &Place, level: Level, pieces: &Pieces<'_>) {
        let mut line = Line { bytes: [0; LINE_BYTES], length: 0 };
        if let Place::StandardError | Place::File(_) = place {
            line.put_time();
        } else {
            line.put(level.priority().as_bytes());
            line.put(b"picoqga[");
            line.put_number(process::id().into());
            line.put(b"]");
        }
        line.put(b": ");
        line.put(level.name().as_bytes());
        line.put(b": ");
        pieces(&mut |piece| line.put(piece));
        match (place, &self.system) {
            (Place::StandardError, _) => start::write_to_standard_error(line.text(true)),
            (Place::File(file) | Place::Kernel(file), _) => {
                let _: Result<usize, Errno> = file.write(line.text(true));
            }
            (Place::System, Some(system)) => {
                let text = line.text(false);
                // A system log that was started anew has to be connected anew.
                if matches!(system.write(text), Err(errno) if errno != Errno::EAGAIN)
                    && socket::connect_unix(system, SYSTEM_LOG).is_ok()
                {
                    let _: Result<usize, Errno> = system.write(text);
                }
            }
            (Place::System, None) => {}
        }
    }
}
