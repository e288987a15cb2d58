//! Messages: `SECONDS.MICROSECONDS: LEVEL: text`, as qemu-ga writes them, to standard error or a file.

use crate::errno::Errno;
use crate::error::{Error, Part};
use crate::json::write::decimal;
use crate::sys::fd::Fd;
use crate::sys::{start, system};

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
}

/// Where messages go.
#[derive(Debug)]
pub struct Log {
    file: Option<Fd>,
    verbose: bool,
    is_muted: bool,
}

/// The longest message, in bytes; a longer one is cut.
const LINE_BYTES: usize = 1024;

/// A line of text under construction, cut where it is full.
struct Line {
    bytes: [u8; LINE_BYTES],
    length: usize,
}

impl Line {
    fn put(&mut self, text: &[u8]) {
        // The last byte is kept for the line feed.
        let room = self.bytes.get_mut(self.length..LINE_BYTES.saturating_sub(1)).unwrap_or_default();
        let count = text.len().min(room.len());
        for (to, from) in room.iter_mut().zip(text) {
            *to = *from;
        }
        self.length = self.length.saturating_add(count);
    }
}

impl Log {
    /// Messages to standard error, or to `file`.
    pub const fn new(file: Option<Fd>, verbose: bool) -> Self {
        Log { file, verbose, is_muted: false }
    }

    /// From now on messages go to `file`.
    pub fn write_to(&mut self, file: Fd) {
        self.file = Some(file);
    }

    /// Drops all messages, or no longer: while file systems are frozen one could wait for the thaw, and with it the agent.
    pub fn mute(&mut self, is_muted: bool) {
        self.is_muted = is_muted;
    }

    /// Writes a message. What cannot be written is lost: a log must never stop the agent.
    pub fn write(&self, level: Level, parts: &[Part<'_>]) {
        if self.is_muted || !self.verbose && matches!(level, Level::Warning | Level::Info) {
            return;
        }
        let time_us = u64::try_from(system::real_time_ns().unwrap_or(0) / 1000).unwrap_or(0);
        let mut line = Line { bytes: [0; LINE_BYTES], length: 0 };
        let mut digits = [0; 20];
        line.put(decimal(time_us / 1_000_000, &mut digits));
        line.put(b".");
        // A leading 1 keeps the zeros behind it.
        line.put(decimal((time_us % 1_000_000).saturating_add(1_000_000), &mut digits).get(1..).unwrap_or_default());
        line.put(b": ");
        line.put(level.name().as_bytes());
        line.put(b": ");
        for part in parts {
            part.pieces(&mut |piece| line.put(piece));
        }
        line.length = line.length.min(LINE_BYTES.saturating_sub(1));
        if let Some(end) = line.bytes.get_mut(line.length) {
            *end = b'\n';
        }
        let text = line.bytes.get(..=line.length).unwrap_or_default();
        match &self.file {
            Some(file) => {
                let _: Result<usize, Errno> = file.write(text);
            }
            None => start::write_to_standard_error(text),
        }
    }

    /// Writes the text of an error as a message.
    pub fn error(&self, level: Level, error: &Error<'_>) {
        self.write(level, &error.parts);
    }
}
